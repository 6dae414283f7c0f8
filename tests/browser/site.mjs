// What the tests know of the script repository: where it is, and what its visitors do again and again.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Where the site is; `tests/browser/run` says so. */
export const SITE = process.env.SITE_URL ?? fail("SITE_URL is not set: run tests/browser/run");
/** The folder for pictures. */
export const OUT = process.env.OUT;
/** A password that the site takes. */
export const PASSWORD = "a longer passphrase";
/** What a shell may take for a captcha. */
const SHELL_MS = 10_000;

function fail(why) {
  throw new Error(why);
}

/** An address from the documentation's net, another one at each call. */
export const address = ((last) => () => `198.51.${100 + (++last >> 8)}.${last & 255}`)(process.pid % 200);

/** A name that no other test has. */
export const unique = ((last) => (prefix) => `${prefix}-${process.pid.toString(36)}${(++last).toString(36)}`)(0);

/** A file of `sites/glsr/`. */
export const file = (path) => join(process.env.SITE, path);
export const read = (path) => readFileSync(file(path), "utf8");

/** A new visitor of the site. */
export function visit(browser, options = {}) {
  return browser.visitor({ address: address(), ...options });
}

/** Goes to a path and expects a status. */
export async function open(page, path, status = 200) {
  const got = await page.goto(SITE + path);
  if (got !== status) throw new Error(`${path}: ${got}, not ${status}: ${(await page.text("main, body")).slice(0, 300)}`);
}

/** Answers the question for people who come for scripts, as they would: in a shell. */
export async function answerCaptcha(page) {
  const line = await page.text("#captcha-ask ~ pre code");
  await page.type("#f-captcha", execFileSync("sh", ["-c", line], { encoding: "utf8", timeout: SHELL_MS }).trim());
}

/** Signs up as `alias`. */
export async function signUp(page, alias) {
  await open(page, "/sign-up");
  await page.type("#f-alias", alias);
  await page.type("#f-name", `${alias} of the tests`);
  await page.type("#f-password", PASSWORD);
  await page.type("#f-again", PASSWORD);
  await answerCaptcha(page);
  await page.follow("text=Make the account");
}

/** Signs in. */
export async function signIn(page, alias, password = PASSWORD) {
  await open(page, "/sign-in");
  await page.type("#f-alias", alias);
  await page.type("#f-password", password);
  await page.follow("main form button");
}
