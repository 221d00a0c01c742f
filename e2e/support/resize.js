// A window of another size. The browser answers before the page has the size: until then the page is laid out, and its
// media queries are decided, for the old one.

export async function resize(page, { width, height }) {
  await page.setViewportSize({ width, height });
  // In a frame of the page, not between two: what was asked of the new size is laid out there. The second one is for
  // what follows the window by script, drawings for one.
  await page.evaluate(
    (size) =>
      new Promise((done) => {
        const look = () =>
          requestAnimationFrame(() =>
            innerWidth === size.width && innerHeight === size.height ? requestAnimationFrame(done) : look(),
          );
        look();
      }),
    { width, height },
  );
}
