// The ways through the site, as visitors go them.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { quiet } from "./checks.mjs";
import { launch } from "./driver.mjs";
import { answerCaptcha, open, PASSWORD, signIn, signUp, unique, visit } from "./site.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

for (const scripts of [true, false]) {
  const how = scripts ? "" : ", without JavaScript";

  test(`sign up, with mistakes first; sign out and in${how}`, async () => {
    const page = await visit(browser, { scripts });
    const alias = unique("new");
    await open(page, "/sign-up");
    await page.type("#f-alias", alias);
    await page.type("#f-password", "short");
    await page.type("#f-again", "other");
    await page.type("#f-captcha", "no answer");
    assert.equal(await page.follow("main form .main"), 422);
    assert.equal(await page.evaluate(() => document.querySelector("#f-alias").value), alias, "what was typed stays");
    for (const field of ["password", "captcha"]) {
      assert.notEqual(await page.text(`#e-${field}`), "", `${field} has its text`);
      const described = await page.evaluate((one) => document.querySelector(`#f-${one}`).ariaDescribedByElements
        ?.map((it) => it.id) ?? document.querySelector(`#f-${one}`).getAttribute("aria-describedby").split(" "), field);
      assert.ok(described.includes(`e-${field}`), `${field} refers to it`);
    }
    await page.type("#f-password", PASSWORD);
    await page.type("#f-again", PASSWORD);
    await answerCaptcha(page);
    await page.follow("main form .main");
    assert.equal(new URL(page.url).pathname, "/account/");
    assert.match(await page.text(".flash"), /ready/);
    await open(page, "/");
    await page.follow("text=Sign out");
    assert.equal(await page.count("nav a[href='/account/']"), 0);
    await signIn(page, alias, "not the password");
    assert.equal(page.status, 422);
    await signIn(page, alias);
    assert.equal(new URL(page.url).pathname, "/account/");
    await open(page, "/");
    assert.equal(await page.text("nav a[href='/account/']"), alias);
    quiet(page);
  });
}

test("choose a language", async () => {
  const page = await visit(browser, { scripts: false });
  await open(page, "/sign-in?next=/account/");
  await page.choose("#language", "fr");
  await page.follow("footer button");
  assert.equal(new URL(page.url).pathname + new URL(page.url).search, "/sign-in?next=/account/");
  assert.equal(await page.evaluate(() => document.documentElement.lang), "fr");
  await open(page, "/");
  assert.equal(await page.evaluate(() => document.documentElement.lang), "fr", "it is remembered");
});
