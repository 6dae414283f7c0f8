// node screenshot.mjs FILE: the first page, as the README of the site shows it.

import { launch } from "./driver.mjs";
import { open, visit } from "./site.mjs";

const browser = await launch();
try {
  const page = await visit(browser);
  await page.look({ width: 1200, height: 800 });
  await open(page, "/");
  await page.screenshot(process.argv[2]);
} finally {
  await browser.close();
}
