// Every page, for each kind of visitor: quiet, without barriers, small enough, all of it by keyboard.

import { after, before, test } from "node:test";
import { createHash } from "node:crypto";
import { byKeyboard, fits, isIn, NO_AXE, noBarriersEitherWay, quiet, skips } from "./checks.mjs";
import { launch } from "./driver.mjs";
import { open, signUp, unique, visit } from "./site.mjs";

// Path, and status where it is not 200. What is in a list is for that visitor and all after.
const PAGES = {
  anonymous: [
    ["/"], ["/sign-in"], ["/sign-in?next=/account/"], ["/sign-up"], ["/nothing-here", 404],
  ],
  author: [["/"], ["/nothing-here", 404]],
};

let browser;
const visitors = {};
// What was looked at: the same contents need no second look by axe and by keyboard.
const seen = new Set();

before(async () => {
  browser = await launch();
  visitors.anonymous = await visit(browser);
  visitors.author = await visit(browser);
  await signUp(visitors.author, unique("pages"));
});
after(() => browser.close());

/** Whether this page's own part was not looked at before; the frame around it is one for each kind of visitor. */
async function isNew(page, who) {
  const contents = await page.evaluate(() => {
    const copy = document.querySelector("div.columns")?.cloneNode(true) ?? document.body.cloneNode(true);
    for (const one of copy.querySelectorAll("input[type=hidden], pre.get")) one.remove();
    return copy.innerHTML;
  });
  const key = createHash("sha256").update(contents).digest("hex");
  const known = seen.has(key) && seen.has(who);
  seen.add(key).add(who);
  return !known;
}

for (const [who, pages] of Object.entries(PAGES)) {
  for (const [path, status = 200] of pages) {
    test(`${path} as ${who}`, async (t) => {
      const page = visitors[who];
      page.problems();
      await open(page, path, status);
      await isIn(page, "en");
      await fits(page);
      if (await isNew(page, who)) {
        await byKeyboard(page);
        quiet(page);
        if (NO_AXE) t.diagnostic(`not looked at by axe: ${NO_AXE}`);
        else await noBarriersEitherWay(page);
      }
      quiet(page);
    });
  }
}

test("axe was there", { skip: NO_AXE }, () => {});

test("the first link skips the navigation", async () => {
  for (const path of ["/", "/sign-up"]) {
    await open(visitors.anonymous, path);
    await skips(visitors.anonymous);
  }
});

test("pages in French", async () => {
  const page = await visit(browser, { language: "fr" });
  for (const [path, status] of PAGES.anonymous) {
    await open(page, path, status);
    await isIn(page, "fr");
    await fits(page);
    quiet(page);
  }
});
