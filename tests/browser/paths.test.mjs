// The ways through the site, as visitors go them, each with JavaScript and without.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { quiet } from "./checks.mjs";
import { launch } from "./driver.mjs";
import {
  act, admin, approve, draft, fetched, fillIn, look, member, of, publish, sendIn, someScript, where,
} from "./people.mjs";
import { answerCaptcha, file, open, PASSWORD, read, signIn, unique, visit } from "./site.mjs";

const SIGNED = "site/fixtures/sign/";

let browser, root, reviewer, other;
before(async () => {
  browser = await launch();
  root = await admin(browser);
  reviewer = await member(browser, "first", { grant: ["reviewer"], by: root });
  other = await member(browser, "second", { grant: ["reviewer"], by: root });
});
after(() => browser?.close());

/** Runs a way twice: as most visitors go it, and as those without JavaScript do. */
function bothWays(what, way) {
  test(what, () => way(true));
  test(`${what}, without JavaScript`, () => way(false));
}

bothWays("sign up, with mistakes first; sign out and in", async (scripts) => {
  const page = await visit(browser, { scripts });
  const alias = unique("new");
  await open(page, "/sign-up");
  await fillIn(page, { alias, password: "short", again: "other", captcha: "no answer" });
  assert.equal(await page.follow("main form .main"), 422);
  assert.equal(await page.evaluate(() => document.querySelector("#f-alias").value), alias, "what was typed stays");
  for (const field of ["password", "captcha"]) {
    assert.notEqual(await page.text(`#e-${field}`), "", `${field} has its text`);
    const described = await page.evaluate(
      (one) => document.querySelector(`#f-${one}`).getAttribute("aria-describedby").split(" "), field);
    assert.ok(described.includes(`e-${field}`), `${field} refers to it`);
  }
  await fillIn(page, { password: PASSWORD, again: PASSWORD });
  await answerCaptcha(page);
  await page.follow("main form .main");
  assert.equal(where(page), "/account/");
  assert.match(await page.text(".flash"), /ready/);
  await open(page, "/");
  await page.follow("text=Sign out");
  assert.equal(await page.count("nav a[href='/account/']"), 0);
  await signIn(page, alias, "not the password");
  assert.equal(page.status, 422);
  await signIn(page, alias);
  assert.equal(where(page), "/account/");
  await open(page, "/");
  assert.equal(await page.text("nav a[href='/account/']"), alias);
  quiet(page);
});

bothWays("submit, be refused, appeal, be published", async (scripts) => {
  const author = await member(browser, "author", { scripts });
  const script = someScript();
  const path = await draft(author, { ...script, license: "no licence" }).catch(async () => {
    assert.equal(author.status, 422, "a licence that is none");
    assert.notEqual(await author.text("#e-license"), "");
    await fillIn(author, { license: script.license });
    await author.follow("main form:has([name=source]) .main");
    return where(author);
  });
  assert.match(path, /\/edit\/draft\/[0-9]+$/);
  await sendIn(author);

  await look(reviewer, script.name);
  assert.match(await reviewer.text("main"), new RegExp(`echo "${script.name}"`));
  assert.equal(await reviewer.follow(act("refuse")), 422, "without a reason");
  await fillIn(reviewer, { reason: "It does too little." });
  await reviewer.follow(act("refuse"));
  assert.equal(where(reviewer), "/review/");

  const stranger = await visit(browser, { scripts });
  await open(stranger, of(script), 404);
  await open(author, path);
  assert.match(await author.text("main"), /It does too little\./);
  await fillIn(author, { appeal: "It does what it says." });
  await author.follow(act("appeal"));

  await open(reviewer, "/review/");
  await reviewer.follow(`text=${script.name}`);
  assert.match(where(reviewer), /^\/review\/appeals\//);
  assert.equal(await reviewer.count("#grant"), 0, "not who refused it decides about the appeal");
  await open(other, where(reviewer));
  await other.click("#grant");
  await fillIn(other, { answer: "It does, indeed." });
  await other.follow("main form .main");
  assert.equal(where(other), "/review/");

  await open(stranger, of(script));
  assert.match(await stranger.text("div.code"), new RegExp(`echo "${script.name}"`));
  await open(author, "/account/");
  assert.match(await author.text("main"), new RegExp(script.name), "the author is told");
  await open(stranger, `/log?script=${script.name}`);
  assert.match(await stranger.text("main"), /It does too little\./, "the log is public");
  for (const page of [author, stranger]) quiet(page);
});

bothWays("a new version and what is different in it", async (scripts) => {
  const author = await member(browser, "author", { scripts });
  const script = await publish(author, reviewer);
  const before = await fetched(`/s/${script.name}/1`);
  await open(author, of(script, "edit/version"));
  await fillIn(author, {
    source: `${script.source}echo "and more"\n`, file_name: script.file_name, changelog: "Says more.", label: "1.1",
  });
  await author.follow("main form:has([name=source]) .main");
  await sendIn(author);
  await look(reviewer, script.name);
  assert.match(await reviewer.text(".diff-box"), /and more/);
  await reviewer.follow(act("approve"));

  const page = await visit(browser, { scripts });
  await open(page, of(script, "versions"));
  assert.match(await page.text("main"), /Says more\./);
  await page.follow(`main a[href*='diff?from=1&to=2']`);
  assert.match(await page.text(".diff-box ins, .diff-box .ins, .diff-box"), /and more/);
  await page.choose("[name=view]", "split");
  await page.follow("main form button");
  assert.match(page.url, /view=split/);
  assert.match(await page.text(".diff-box"), /and more/);
  await open(page, of(script, "1"));
  await page.follow("main .banner a"); // there is a later one
  assert.equal(where(page), of(script));
  assert.match(await page.text("div.code"), /and more/);
  quiet(page);

  assert.deepEqual(before.text, script.source);
  assert.equal((await fetched(`/s/${script.name}/1`)).text, before.text, "the first version is what it was");
  assert.match((await fetched(`/s/${script.name}`)).text, /and more/);
});

bothWays("search", async (scripts) => {
  const author = await member(browser, "author", { scripts });
  const word = unique("xylophone").replace("-", "");
  const script = await publish(author, reviewer, someScript({ summary: `Plays the ${word}.` }));
  const page = await visit(browser, { scripts });
  await open(page, "/");
  await page.type("#q", word);
  await page.go("Enter");
  assert.equal(where(page), "/search");
  assert.deepEqual(await page.texts("#results :is(h2, h3) a"), [script.name]);
  assert.match(await page.text("#results mark"), new RegExp(word));
  await page.choose("main [name=language]", "python");
  await page.follow("main form .main");
  assert.deepEqual(await page.texts("#results :is(h2, h3) a"), []);
  if (scripts) {
    await open(page, "/search");
    await page.type("main [name=q]", word);
    await page.until((name) => document.querySelector("#results :is(h2, h3) a")?.innerText === name, script.name);
    assert.equal(await page.count("#results"), 1, "the results take the place of those before");
  }
  quiet(page);
});

test("signatures: good, and why not", async () => {
  const author = await member(browser, "author");
  await open(author, "/account/keys");
  await fillIn(author, { public_key: "no key" });
  assert.equal(await author.follow(act("add")), 422);
  await open(author, "/account/keys");
  await fillIn(author, { label: "the first", public_key: read(`${SIGNED}one.pub`) });
  await author.follow(act("add"));
  assert.match(await author.text("main"), /the first/);

  const { source, file_name, ...script } = someScript();
  await publish(author, reviewer, { ...script, file: file(`${SIGNED}script.sh`) });
  const sign = async (which) => {
    await open(author, of(script, "edit/sign"));
    const versions = await author.evaluate(() => [...document.querySelector("main [name=version]").options]
      .map((one) => one.value).filter(Boolean));
    await author.choose("main [name=version]", versions[0]);
    await author.upload("main [type=file]", file(`${SIGNED}${which}.minisig`));
    return author.follow("main form:has([type=file]) .main");
  };
  for (const bad of ["other-file", "other-key", "other-comment", "cut"]) {
    assert.equal(await sign(bad), 422, bad);
    assert.notEqual(await author.text("main .bad"), "", bad);
  }
  assert.equal((await fetched(`/s/${script.name}/1.minisig`)).status, 404);
  assert.equal(await sign("good"), 200);
  const key = "RWQCByWmr+RLPdZfv8q0sBgCL9PDyETa+bhpjmpFPxCpBcQcras7dj9d";
  const page = await visit(browser);
  await open(page, of(script));
  assert.ok((await page.text("main")).includes(key), "the page says with which key");
  assert.equal((await fetched(`/s/${script.name}/1.minisig`)).status, 200);
  for (const one of [author, page]) quiet(one);
});

bothWays("comment, rate, report", async (scripts) => {
  const author = await member(browser, "author", { scripts });
  const script = await publish(author, reviewer);
  const reader = await member(browser, "reader", { scripts });
  await open(reader, of(script));
  await fillIn(reader, { subject: "Thanks", body: "Works **here**. <script>alert(1)</script>" });
  await answerCaptcha(reader);
  await reader.follow("form[action$='/comments'] .main");
  assert.equal(await reader.text(".comment strong"), "here");
  assert.equal(await reader.count(".comment script"), 0);

  await open(reader, of(script));
  await reader.choose("[name=stars]", "4");
  await reader.follow("form[action$='/rate'] button");
  assert.match(await reader.text("main"), /4/);
  await open(author, of(script));
  assert.equal(await author.count("[name=stars]"), 0, "nobody rates what is his own");
  assert.match(await author.text(".comment"), /Works here\./);

  await open(reader, of(script));
  await reader.follow(`aside a[href='${of(script, "flag")}']`);
  await fillIn(reader, { reason: "other", text: "short" });
  assert.equal(await reader.follow("main form .main"), 422);
  await fillIn(reader, { reason: "broken", text: "It says its name and nothing else." });
  await reader.follow("main form .main");
  assert.equal(where(reader), of(script));

  await look(reviewer, script.name);
  assert.match(where(reviewer), /^\/review\/flags\//);
  await reviewer.click("#unfounded");
  await fillIn(reviewer, { answer: "That is what it is for." });
  await reviewer.follow("main form .main");
  await open(reader, "/account/");
  assert.match(await reader.text("main"), /That is what it is for\./);
  for (const page of [author, reader]) quiet(page);
});

test("choose a language", async () => {
  const page = await visit(browser, { scripts: false });
  await open(page, "/sign-in?next=/account/");
  await page.choose("#language", "fr");
  await page.follow("footer button");
  assert.equal(new URL(page.url).pathname + new URL(page.url).search, "/sign-in?next=/account/");
  assert.equal(await page.evaluate(() => document.documentElement.lang), "fr");
  await open(page, "/");
  assert.equal(await page.evaluate(() => document.documentElement.lang), "fr", "it is remembered");
  quiet(page);
});
