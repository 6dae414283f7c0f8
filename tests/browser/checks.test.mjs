// The checks of pages object to what is wrong, so that none of them can pass by not looking.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { byKeyboard, fits, isIn, NO_AXE, noBarriers, noBarriersEitherWay, quiet, skips } from "./checks.mjs";
import { launch } from "./driver.mjs";

const GOOD = `<style>:focus-visible { outline: 3px solid blue }</style>
  <a class="skip" href="#main">Skip</a><header><a href="/">Home</a></header>
  <main id="main" tabindex="-1"><h1>Good</h1><label>Name <input></label> <button>Send</button></main>`;
const POLICY = "default-src 'self' 'unsafe-inline'";

let browser, server, page, shown;

before(async () => {
  server = createServer((request, response) => {
    const status = request.url.startsWith("/missing") ? 404 : 200;
    response.writeHead(status, { "content-type": "text/html", "content-security-policy": POLICY }).end(shown);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  browser = await launch();
  page = await browser.visitor();
});
after(async () => {
  await browser?.close();
  server.close();
});

/** Shows a page of this body. */
async function show(body) {
  shown = `<!doctype html><html lang="en"><head><title>Page</title></head><body>${body}</body></html>`;
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
}

test("a good page passes all of them", async () => {
  await show(GOOD);
  await isIn(page, "en");
  await fits(page);
  await byKeyboard(page);
  if (!NO_AXE) await noBarriersEitherWay(page);
  await show(GOOD);
  await skips(page);
  quiet(page);
});

const BAD = {
  "a picture that the policy forbids": [`<img alt="" src="http://localhost:1/x.png">`, quiet, /Security Policy|CSP/],
  "a picture that is not there": [`<img alt="" src="/missing.png">`, quiet, /404/],
  "an error of a script": [`<script>throw new Error("oh")</script>`, quiet, /exception: Error: oh/],
  "something wide": [`<p style="width: 30rem">wide</p>`, fits, /pixels wide.*\n?.*30rem/s],
  "no outline": [`<style>:focus-visible { outline: none }</style>`, byKeyboard, /nobody sees/],
  "a link out of sight": [
    `<a href="/x" style="position: absolute; left: -100rem">x</a>`, byKeyboard, /nobody sees.*\n.*-100rem/s,
  ],
  "a field that does not let go": [
    `<input onkeydown="event.preventDefault()"><button>Later</button>`, byKeyboard, /Tab does not reach.*\n.*Later/s,
  ],
  "a second heading": [`<h1>2</h1>`, (it) => isIn(it, "en"), /h1/],
  "the wrong language": ["", (it) => isIn(it, "fr"), /lang/],
};

for (const [what, [body, check, message]] of Object.entries(BAD)) {
  test(`${what} is found`, async () => {
    await show(GOOD + body);
    await assert.rejects(async () => check(page), message);
    page.problems();
  });
}

test("weak contrast and a field without a label are found", { skip: NO_AXE }, async () => {
  for (const body of [`<p style="color: #bbb; background: #fff">pale</p>`, `<input>`]) {
    await show(GOOD + body);
    await assert.rejects(noBarriers(page, "as it is"), /color-contrast|label/);
  }
});

test("a page without a way past the navigation is found", async () => {
  await show(GOOD.replace(/<a class="skip".*?<\/a>/, ""));
  await assert.rejects(skips(page), /first Tab/);
});

test("clicking what is covered or not there fails, and so does a page that never comes", async () => {
  await show(`<button>Under</button><div style="position: fixed; inset: 0">over</div>`);
  await assert.rejects(page.click("text=Under"), /covered/);
  await assert.rejects(page.click("text=Nobody"), /0 of them/);
  await assert.rejects(page.goto("http://127.0.0.1:1/"), /ERR_/);
});
