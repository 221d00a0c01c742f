// What somebody without a mouse relies on: every control is reached, and where the focus is can be seen.

/** What of a part of the page the Tab key must reach, in the order of the document, as the names that `focused` gives. */
export const tabbables = (page, selector) =>
  page.evaluate((selector) => {
    const all = "a[href], button, input, select, textarea, summary, [tabindex]";
    const within = [...document.querySelectorAll(`${selector} :is(${all})`)];
    return within
      .filter((e) => e.tabIndex >= 0 && !e.disabled && e.checkVisibility({ visibilityProperty: true }))
      .map((e) => (e.dataset.stop = `${e.tagName} ${e.getAttribute("aria-label") ?? e.id} ${e.innerText ?? ""}`.slice(0, 60)));
  }, selector);

/** Where the focus is: its name, whether it can be seen, and whether anything hides it. */
export const focused = (page) =>
  page.evaluate(() => {
    const e = document.activeElement;
    const rgb = (text) => (text.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
    const luminance = ([r, g, b]) => {
      const [x, y, z] = [r, g, b].map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    // The ring lies outside of the control, on what is behind its parent.
    let ground = [255, 255, 255];
    for (let p = e.parentElement; p; p = p.parentElement) {
      const color = rgb(getComputedStyle(p).backgroundColor);
      if (color.length === 3 || color[3] === 1) {
        ground = color;
        break;
      }
    }
    // Choices side by side are drawn by what follows their input.
    const ring = getComputedStyle(e.closest(".segmented") ? e.nextElementSibling : e);
    const [bright, dark] = [luminance(rgb(ring.outlineColor)), luminance(ground)].sort((a, b) => b - a);
    const box = e.getBoundingClientRect();
    const points = [[0.5, 0.5], [0.1, 0.5], [0.9, 0.5], [0.5, 0.1], [0.5, 0.9]];
    const seen = points.filter(([x, y]) => {
      const top = document.elementFromPoint(box.left + box.width * x, box.top + box.height * y);
      return top !== null && e.contains(top);
    });
    return {
      nowhere: e === document.body,
      stop: e.dataset.stop,
      inside: e.closest(".stage") !== null,
      scrolls: e.scrollHeight > e.clientHeight || e.scrollWidth > e.clientWidth,
      what: e.outerHTML.slice(0, 120),
      ring: ring.outlineStyle !== "none" && parseFloat(ring.outlineWidth) >= 2,
      contrast: (bright + 0.05) / (dark + 0.05),
      seen: seen.length,
    };
  });
