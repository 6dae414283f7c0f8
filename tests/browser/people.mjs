// Who comes to the site: an administrator, reviewers, authors; and what each of them does again and again.

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { open, OUT, PASSWORD, SITE, signIn, signUp, unique, visit } from "./site.mjs";

/** Says that the administrator has chosen another password: one server is there for all files of tests. */
const CHANGED = join(OUT ?? "", "admin-changed");

/** A button of a form, by what it does. */
export const act = (what) => `main [name=act][value=${what}]`;

/** The path that a visitor is at. */
export const where = (page) => new URL(page.url).pathname;

/** The administrator, signed in. At the first start he has to choose another password. */
export async function admin(browser, options) {
  const page = await visit(browser, options);
  if (existsSync(CHANGED)) {
    await signIn(page, "admin");
    return page;
  }
  await signIn(page, "admin", process.env.ADMIN_PASSWORD);
  await open(page, "/account/");
  if (where(page) !== "/account/password") throw new Error(`the first password need not be changed: ${page.url}`);
  await page.type("main [name=current]", process.env.ADMIN_PASSWORD);
  await page.type("main [name=password]", PASSWORD);
  await page.type("main [name=again]", PASSWORD);
  await page.follow("main form button");
  if (where(page) !== "/account/") throw new Error(`the password was not changed: ${await page.text("main")}`);
  writeFileSync(CHANGED, "");
  return page;
}

/** Somebody with a new account, and the roles of `grant` (reviewer, editor, admin), which the administrator `by` gives. */
export async function member(browser, prefix, { grant = [], by, ...options } = {}) {
  const page = await visit(browser, options);
  page.alias = unique(prefix);
  await signUp(page, page.alias);
  if (where(page) !== "/account/") throw new Error(`${page.alias} could not sign up: ${await page.text("main")}`);
  if (grant.length > 0) {
    await open(by, `/admin/accounts/?q=${page.alias}`);
    await by.follow(`text=${page.alias}`);
    for (const role of grant) await by.click(`#role-${role}`);
    await by.type("#roles-password", PASSWORD);
    await by.follow(act("roles"));
    if (by.status !== 200) throw new Error(`roles were not given: ${await by.text("main")}`);
  }
  return page;
}

/** What a script is like that tests submit. */
export function someScript(more = {}) {
  const name = unique("script");
  return {
    name,
    title: `Script ${name}`,
    summary: `Says ${name} and ends.`,
    category: "sysadmin",
    language: "sh",
    license: "MIT",
    tags: "test",
    source: `#!/bin/sh\n# Says who it is, and ends.\nset -eu\necho "${name}"\n`,
    file_name: `${name}.sh`,
    ...more,
  };
}

/** Fills in the fields of a form about a script. A text, a list, or for `file` a file. */
export async function fillIn(page, fields) {
  for (const [name, value] of Object.entries(fields)) {
    const field = `main [name=${name}]`;
    if (name === "file") await page.upload(field, value);
    else if (await page.count(`select[name=${name}]`)) await page.choose(field, value);
    else await page.type(field, value);
  }
}

/** Makes a draft of a new script; the page is then the draft's, whose path this returns. */
export async function draft(page, script) {
  await open(page, "/submit");
  await fillIn(page, script);
  await page.follow("main form:has([name=source]) .main");
  if (!where(page).startsWith(`/scripts/${script.name}/edit/draft/`)) {
    throw new Error(`no draft: ${page.url} ${page.status}\n${await page.text("main")}`);
  }
  return where(page);
}

/** Sends in a draft; the page is the draft's. */
export async function sendIn(page) {
  await page.follow(act("submit"));
  await page.text(".status.pending");
}

/** The page of a version in the queue of a reviewer. */
export async function look(reviewer, name) {
  await open(reviewer, "/review/");
  await reviewer.follow(`text=${name}`);
}

/** Approves what is pending of a script. */
export async function approve(reviewer, name) {
  await look(reviewer, name);
  await reviewer.follow(act("approve"));
  if (where(reviewer) !== "/review/") throw new Error(`not approved: ${await reviewer.text("main")}`);
}

/** A published script of `author`. */
export async function publish(author, reviewer, script = someScript()) {
  await draft(author, script);
  await sendIn(author);
  await approve(reviewer, script.name);
  return script;
}

/** The address of a page of a script. */
export const of = (script, rest = "") => `/scripts/${script.name}/${rest}`;

/** What a program gets from the site. */
export async function fetched(path, options) {
  const answer = await fetch(SITE + path, options);
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}
