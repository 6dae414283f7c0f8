// Every page, for each kind of visitor: quiet, without barriers, small enough, all of it by keyboard, in each language.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { byKeyboard, fits, isIn, NARROW, NO_AXE, noBarriersEitherWay, quiet, skips, WIDE } from "./checks.mjs";
import { launch } from "./driver.mjs";
import {
  act, admin, draft, fillIn, look, member, of, publish, sendIn, someScript, where,
} from "./people.mjs";
import { answerCaptcha, open, OUT, PASSWORD, signIn, visit } from "./site.mjs";

// Paths by who sees them, and their status if it is not 200. `{..}` is something of the `world` below. Whoever comes
// later in this list sees the pages of those before, too.
const PAGES = {
  anonymous: [
    ["/"], ["/about"], ["/help"], ["/search"], ["/search?q=backup&sort=used"], ["/search?q=nothing-like-this"],
    ["/browse/"], ["/browse/category/sysadmin"], ["/browse/language/sh"], ["/browse/tag/{tag}"], ["/tags"],
    ["/languages"], ["/authors/"], ["/authors/{author}"], ["/authors/glsr"], ["/news/"], ["/news/{news}"], ["/log"],
    ["/scripts/{seed}/"], ["/scripts/{seed}/1"], ["/scripts/{seed}/versions"], ["/scripts/{seed}/diff"],
    ["/scripts/{seed}/diff?view=split"], ["/scripts/{seed}/comments"], ["/scripts/{mine}/"],
    ["/scripts/{mine}/comments"], ["/reset?link=none", 410], ["/nothing-here", 404], ["/scripts/nothing-here/", 404],
  ],
  author: [
    ["/submit"], ["/scripts/{seed}/flag"], ["/account/"], ["/account/profile"], ["/account/password"],
    ["/account/keys"], ["/account/tokens"], ["/account/sessions"], ["/account/delete"],
  ],
  reviewer: [
    ["/review/"], ["/review/{pending}"], ["/review/{refused}"], ["/review/flags/{flag}"], ["/review/appeals/{appeal}"],
  ],
  admin: [
    ["/editor/news"], ["/editor/categories"], ["/editor/languages"], ["/editor/pins"], ["/admin/"],
    ["/admin/accounts/"], ["/admin/accounts/{account}"], ["/admin/limits"], ["/admin/errors"], ["/admin/online"],
  ],
};
// What one of them alone sees: what is for those without an account, what is the author's own, what is forbidden.
const ALONE = {
  anonymous: [["/sign-in"], ["/sign-up"], ["/account/", 401], ["/scripts/{seed}/flag", 401]],
  author: [
    ["/scripts/{mine}/edit/"], ["/scripts/{mine}/edit/version"], ["/scripts/{mine}/edit/people"],
    ["/scripts/{mine}/edit/sign"], ["{draft}"], ["{pendingDraft}"], ["{refusedDraft}"],
    ["/review/", 403], ["/scripts/{seed}/edit/", 403],
  ],
  reviewer: [["/admin/", 403]],
};
// Routes that are no pages: files, feeds, the API.
const NO_PAGES = /^\/(s|feeds|api|language|sign-out)(\/|$)|\.(txt|xml)$|^\/scripts\/$|\/rate$|^\/review\/talk$/;
const WHO = Object.keys(PAGES);

let browser;
const visitors = {};
const world = { seed: "dir-backup" };
// What was looked at: the same contents need no second look by axe and by keyboard.
const seen = new Set();

before(async () => {
  browser = await launch();
  const root = (visitors.admin = await admin(browser));
  root.alias = "admin";
  const reviewer = (visitors.reviewer = await member(browser, "reviewer", { grant: ["reviewer"], by: root }));
  world.account = where(root).split("/").at(-1);
  const author = (visitors.author = await member(browser, "author"));
  visitors.anonymous = await visit(browser);
  world.author = author.alias;

  const readme = `# More\n\n| a | b |\n|---|---|\n${"| a cell of a table | another cell of it, longer |\n".repeat(3)}
\`\`\`\n${"a long line of code ".repeat(12)}\n\`\`\`\n\n- [ ] a list\n`;
  const mine = await publish(author, reviewer, someScript({ readme, tags: "test, two words" }));
  world.mine = mine.name;
  world.tag = "test";
  await open(author, of(mine));
  await fillIn(author, { body: "A remark of the author,\n\n    with code\n" });
  await answerCaptcha(author);
  await author.follow("form[action$='/comments'] .main");
  world.draft = await draft(author, someScript());
  world.refusedDraft = await draft(author, someScript());
  await sendIn(author);
  await look(reviewer, world.refusedDraft.split("/")[2]);
  world.refused = where(reviewer).split("/").at(-1);
  await fillIn(reviewer, { reason: "Not yet." });
  await reviewer.follow(act("refuse"));
  await open(author, world.refusedDraft);
  await fillIn(author, { appeal: "Why not?" });
  await author.follow(act("appeal"));
  world.pendingDraft = await draft(author, someScript({ source: "#!/bin/sh\nif then\npassword=hunter2hunter2\n" }));
  await sendIn(author);
  await open(reviewer, of(mine, "flag"));
  await fillIn(reviewer, { reason: "spam" });
  await reviewer.follow("main form .main");

  await open(root, "/review/");
  const ids = (kind) => root.evaluate(
    (selector) => document.querySelector(selector).pathname.split("/").at(-1), `main a[href^='/review/${kind}']`);
  await look(root, world.pendingDraft.split("/")[2]);
  world.pending = where(root).split("/").at(-1);
  await open(root, "/review/");
  world.flag = await ids("flags/");
  world.appeal = await ids("appeals/");
  await open(root, "/editor/news");
  await fillIn(root, { subject: "News of the tests", body: "Some *news*." });
  await root.follow(act("save"));
  await open(root, "/news/");
  world.news = await root.evaluate(() => document.querySelector("main a[href^='/news/']").pathname.split("/").at(-1));
});
after(() => browser?.close());

const filled = (path) => path.replace(/\{(\w+)\}/g, (_, name) => world[name] ?? assert.fail(`there is no ${name}`));

/** What somebody may see. */
const pagesOf = (who) => [...WHO.slice(0, WHO.indexOf(who) + 1).flatMap((one) => PAGES[one]), ...(ALONE[who] ?? [])];

/** Whether this page's own part was not looked at before; the frame around it is one for each kind of visitor. */
async function isNew(page, who) {
  const contents = await page.evaluate(() => {
    const copy = (document.querySelector("div.columns") ?? document.body).cloneNode(true);
    for (const one of copy.querySelectorAll("input[type=hidden], #captcha-ask ~ pre")) one.remove();
    return copy.innerHTML;
  });
  const key = createHash("sha256").update(contents).digest("hex");
  const known = seen.has(key) && seen.has(who);
  seen.add(key).add(who);
  return !known;
}

for (const who of WHO) {
  for (const [path, status] of pagesOf(who)) {
    test(`${path} as ${who}`, async (t) => {
      const page = visitors[who];
      page.problems();
      await open(page, filled(path), status);
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

for (const who of WHO) {
  test(`in French as ${who}`, async () => {
    const page = await visit(browser, { language: "fr" });
    if (who !== "anonymous") await signIn(page, visitors[who].alias, PASSWORD);
    const wrong = [];
    for (const [path, status] of pagesOf(who)) {
      try {
        await open(page, filled(path), status);
        await isIn(page, "fr");
        await fits(page);
        quiet(page);
      } catch (error) {
        wrong.push(error.message);
        page.problems();
      }
    }
    assert.deepEqual(wrong, []);
  });
}

test("forms that come back with mistakes", { skip: NO_AXE }, async () => {
  for (const [who, path, button] of [
    ["anonymous", "/sign-up", "main form .main"], ["anonymous", "/sign-in", "main form .main"],
    ["author", "/submit", "main form:has([name=source]) .main"],
    ["author", "/scripts/{seed}/flag", "main form .main"],
    ["author", "/account/keys", act("add")],
    ["reviewer", "/review/{pending}", act("refuse")],
    ["admin", "/editor/news", act("save")],
  ]) {
    const page = visitors[who];
    page.problems();
    await open(page, filled(path));
    // Browsers would not send it: as those do that know nothing of `required`.
    await page.evaluate(() => document.querySelectorAll("form").forEach((form) => { form.noValidate = true; }));
    assert.equal(await page.follow(button), 422, path);
    assert.ok(await page.count(".errors a"), `${path} says what is wrong`);
    const lost = await page.evaluate(() => [...document.querySelectorAll(".errors a")]
      .map((link) => link.getAttribute("href")).filter((href) => !document.querySelector(href)));
    assert.deepEqual(lost, [], `links to fields of ${path}`);
    await fits(page);
    await noBarriersEitherWay(page);
    quiet(page);
  }
});

test("the first link skips the navigation", async () => {
  for (const path of ["/", "/sign-up", `/scripts/${world.seed}/`]) {
    await open(visitors.anonymous, path);
    await skips(visitors.anonymous);
  }
});

test("lines of code stand close together, and the box around them scrolls", async () => {
  const page = visitors.anonymous;
  await page.look({ width: NARROW });
  await open(page, `/scripts/${world.seed}/`);
  const { step, size, wider } = await page.evaluate(() => {
    const box = document.querySelector("div.code");
    const [first, second] = [...box.querySelectorAll(".line")].map((one) => one.getBoundingClientRect().top);
    return {
      step: second - first, size: parseFloat(getComputedStyle(box).fontSize), wider: box.scrollWidth > box.clientWidth,
    };
  });
  await page.look({ width: WIDE });
  assert.ok(step > 0 && step < 2 * size, `${step} pixels from line to line of letters of ${size}`);
  assert.ok(wider, "the box is what scrolls");
});

test("every page is in the list", () => {
  const routes = JSON.parse(readFileSync(join(OUT, "routes.json"), "utf8"));
  const paths = [...Object.values(PAGES), ...Object.values(ALONE)].flat().map(([path]) => filled(path).split("?")[0]);
  const missing = routes.filter(({ pattern, methods }) => methods.includes("GET") && !NO_PAGES.test(pattern))
    .map(({ pattern }) => pattern)
    .filter((pattern) => {
      const places = pattern.split("/").map((part) =>
        part.startsWith("[...") ? ".+" : part.startsWith("[") ? (part.endsWith("=u64]") ? "[0-9]+" : "[^/]+") : part);
      return !paths.some((path) => new RegExp(`^${places.join("/")}$`).test(path));
    });
  assert.deepEqual(missing, [], "pages that PAGES and ALONE do not have");
});

test("pictures of the main pages", async () => {
  for (const [name, who, path] of [
    ["index", "anonymous", "/"], ["browse", "anonymous", "/browse/"], ["search", "anonymous", "/search?q=backup"],
    ["script", "anonymous", "/scripts/{seed}/"], ["diff", "anonymous", "/scripts/{seed}/diff?view=split"],
    ["submit", "author", "/submit"], ["draft", "author", "{pendingDraft}"], ["account", "author", "/account/"],
    ["review", "reviewer", "/review/{pending}"], ["admin", "admin", "/admin/"],
  ]) {
    await open(visitors[who], filled(path));
    await visitors[who].screenshot(join(OUT, `${name}.png`), { full: true });
  }
});

test("axe was there", { skip: NO_AXE }, () => {});
