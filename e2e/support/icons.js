// The icons of the installed app as PNG, drawn by a browser from xtask/web/icon.svg:
//
//   node support/icons.js    (in e2e/) writes xtask/web/icon-*.png anew; needed when icon.svg has changed
//
// A test draws them again and compares.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const web = fileURLToPath(new URL("../../xtask/web/", import.meta.url));

/** `drawn` is the part of the width that the drawing takes; the rest is filled with its ground. */
export const icons = [
  { name: "icon-192", size: 192, drawn: 1 },
  { name: "icon-512", size: 512, drawn: 1 },
  // Masks may cut off all but a circle of 80 % of the width; iOS rounds the corners itself.
  { name: "icon-maskable-512", size: 512, drawn: 0.8 },
  { name: "icon-touch-180", size: 180, drawn: 0.9 },
];

export const fileOf = ({ name }) => `${web}${name}.png`;

/** The icon as a PNG, drawn on this page. */
export async function draw(page, { size, drawn }) {
  const svg = readFileSync(`${web}icon.svg`, "utf8");
  const ground = svg.match(/<rect [^>]*fill="(#\w+)"/)[1];
  await page.setViewportSize({ width: size, height: size });
  await page.setContent(
    `<style>html { background: ${drawn < 1 ? ground : "transparent"} } body { margin: 0; height: 100vh; display: grid; place-items: center }
     svg { width: ${100 * drawn}vw; display: block }</style>${svg}`,
  );
  return page.screenshot({ omitBackground: true, scale: "css" });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { chromium } = await import("@playwright/test");
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
  const page = await browser.newPage();
  for (const icon of icons) {
    writeFileSync(fileOf(icon), await draw(page, icon));
  }
  await browser.close();
}
