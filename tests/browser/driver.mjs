// Drives Chromium over its DevTools protocol, through a pipe: what a visitor does, and what a visitor sees.
// Clicks and keys are real input events, so that what is covered, disabled or out of reach cannot be used.

import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

// How long, in milliseconds, anything awaited may take: the machine may be busy.
const PATIENCE_MS = 60_000;
const POLL_MS = 25;
// What Chromium may still do when it is told to end, before it is killed.
const GRACE_MS = 5_000;
const WIDTH = 1280;
const HEIGHT = 900;
// Lines of Chromium's own log that an error shows.
const LOG_LINES = 20;

const FLAGS = [
  "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
  "--disable-default-apps", "--no-first-run", "--no-default-browser-check", "--mute-audio",
  "--password-store=basic", "--use-mock-keychain", "--hide-scrollbars", "--force-color-profile=srgb",
  "--disable-features=Translate,OptimizationHints,MediaRouter,AutofillServerCommunication",
];

// Keys that pages are used with: code, virtual key, text.
const KEYS = {
  Tab: ["Tab", 9, ""], Enter: ["Enter", 13, "\r"], Space: ["Space", 32, " "], Escape: ["Escape", 27, ""],
  ArrowDown: ["ArrowDown", 40, ""], ArrowUp: ["ArrowUp", 38, ""],
};
const SHIFT = 8;

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Fails after `PATIENCE_MS` with a text that says what did not come. */
function inTime(promise, what) {
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error(`${what()}: not within ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Starts a browser. `program` is Chromium's. */
export async function launch(program = process.env.CHROMIUM ?? "chromium") {
  const profile = await mkdtemp(join(tmpdir(), "browser-"));
  const child = spawn(program, [...FLAGS, `--user-data-dir=${profile}`], {
    stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"], detached: true,
  });
  const browser = new Browser(child, profile);
  await browser.send("Browser.getVersion").catch(async (error) => {
    await browser.close();
    throw error;
  });
  return browser;
}

/** A running browser; `visitor` is what tests want of it. */
class Browser {
  #child; #profile; #last = 0; #waiting = new Map(); #pages = new Map(); #log = []; #ended; #gone = false;

  constructor(child, profile) {
    this.#child = child;
    this.#profile = profile;
    this.#ended = new Promise((done) => {
      child.on("error", (error) => this.#end(`${error.message}`, done));
      child.on("exit", (code, signal) => this.#end(`Chromium ended (${code ?? signal})`, done));
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      this.#log = [...this.#log, ...text.split("\n").filter(Boolean)].slice(-LOG_LINES);
    });
    child.stdio[3].on("error", () => {}); // it ended: told by `exit`
    let rest = [];
    child.stdio[4].on("data", (bytes) => {
      for (let end; (end = bytes.indexOf(0)) >= 0; bytes = bytes.subarray(end + 1)) {
        this.#take(JSON.parse(Buffer.concat([...rest, bytes.subarray(0, end)]).toString()));
        rest = [];
      }
      rest.push(bytes);
    });
  }

  #end(why, done) {
    this.#gone = true;
    for (const { fail } of this.#waiting.values()) fail(new Error(`${why}\n${this.#log.join("\n")}`));
    this.#waiting.clear();
    done();
  }

  #take({ id, result, error, method, params, sessionId }) {
    if (id) {
      const { done, fail, command } = this.#waiting.get(id) ?? {};
      this.#waiting.delete(id);
      if (error) fail?.(new Error(`${command}: ${error.message}`));
      else done?.(result);
    } else {
      this.#pages.get(sessionId)?.told(method, params);
    }
  }

  /** A command of the protocol. */
  send(command, params = {}, sessionId = undefined) {
    if (this.#gone) return Promise.reject(new Error(`${command}: Chromium has ended\n${this.#log.join("\n")}`));
    const id = ++this.#last;
    const answer = new Promise((done, fail) => this.#waiting.set(id, { done, fail, command }));
    this.#child.stdio[3].write(`${JSON.stringify({ id, method: command, params, sessionId })}\0`);
    return inTime(answer, () => command);
  }

  /**
   * A visitor with cookies of their own and one page. `scripts: false` is a browser without JavaScript, `language`
   * what it asks for, `address` the address that the site, behind a proxy, sees.
   */
  async visitor({ scripts = true, language = "en", address } = {}) {
    const { browserContextId } = await this.send("Target.createBrowserContext");
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank", browserContextId });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId, browserContextId);
    this.#pages.set(sessionId, page);
    await page.begin({ scripts, language, address });
    return page;
  }

  /** Ends it and removes what it wrote. */
  async close() {
    if (!this.#gone) {
      this.send("Browser.close").catch(() => {});
      await Promise.race([this.#ended, sleep(GRACE_MS)]);
    }
    try {
      process.kill(-this.#child.pid, "SIGKILL"); // the whole group: renderers too
    } catch { /* all have ended */ }
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

/**
 * A page, and who looks at it.
 *
 * Things on it are named by a selector (`#q`, `main a`), by `text=Sign in` (a link or a button that is called so), or
 * by `label=Password` (the field of that label).
 */
class Page {
  #browser; #session; #context; #awaited = new Set(); #problems = []; #requests = new Map(); #document; #world;
  #frame; #looks = { width: WIDTH, height: HEIGHT, scheme: "light" };

  /** The HTTP status of the page shown. */
  status = 0;
  /** Of the page shown: header fields in lower case. */
  headers = {};

  constructor(browser, session, context) {
    [this.#browser, this.#session, this.#context] = [browser, session, context];
  }

  send(command, params) {
    return this.#browser.send(command, params, this.#session);
  }

  async begin({ scripts, language, address }) {
    for (const domain of ["Page", "Network", "Runtime", "Log", "Audits", "DOM"]) await this.send(`${domain}.enable`);
    this.#frame = (await this.send("Page.getFrameTree")).frameTree.frame.id;
    await this.send("Emulation.setScriptExecutionDisabled", { value: !scripts });
    const headers = { "Accept-Language": language };
    if (address) headers["X-Forwarded-For"] = address;
    await this.send("Network.setExtraHTTPHeaders", { headers });
    await this.look({});
  }

  /** How it is looked at: `width` and `height` in CSS pixels, `scheme` `light` or `dark`; what is not said stays. */
  async look(how) {
    this.#looks = { ...this.#looks, ...how };
    const { width, height, scheme } = this.#looks;
    await this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
    // Without motion nothing has to be waited for.
    const features = { "prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce" };
    await this.send("Emulation.setEmulatedMedia", {
      features: Object.entries(features).map(([name, value]) => ({ name, value })),
    });
  }

  // ---- what the browser tells ----

  told(method, params) {
    for (const one of this.#awaited) if (one.method === method && one.which(params)) one.done(params);
    this[`on_${method}`]?.(params);
  }

  "on_Network.requestWillBeSent"({ requestId, request, type, frameId }) {
    this.#requests.set(requestId, { url: request.url, document: type === "Document" && frameId === this.#frame });
  }

  "on_Network.responseReceived"({ requestId, response }) {
    const { document } = this.#requests.get(requestId) ?? {};
    if (document) {
      this.#document = response.url;
      this.status = response.status;
      this.headers = Object.fromEntries(Object.entries(response.headers).map(([k, v]) => [k.toLowerCase(), v]));
    } else if (response.status >= 400) {
      this.#problems.push(`${response.status} for ${response.url}`);
    }
  }

  "on_Network.loadingFailed"({ requestId, errorText, canceled, blockedReason }) {
    const { url } = this.#requests.get(requestId) ?? {};
    if (!canceled) this.#problems.push(`${blockedReason ?? errorText} for ${url}`);
  }

  "on_Runtime.exceptionThrown"({ exceptionDetails }) {
    this.#problems.push(`exception: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
  }

  "on_Runtime.consoleAPICalled"({ type, args }) {
    if (["error", "warning", "assert"].includes(type)) {
      this.#problems.push(`console.${type}: ${args.map((one) => one.value ?? one.description).join(" ")}`);
    }
  }

  "on_Log.entryAdded"({ entry }) {
    // That the page itself is an error is what `status` is for; of other requests the network tells.
    if (["error", "warning"].includes(entry.level) && entry.source !== "network") {
      this.#problems.push(`${entry.source}: ${entry.text}`);
    }
  }

  "on_Audits.issueAdded"({ issue }) {
    const csp = issue.details?.contentSecurityPolicyIssueDetails;
    if (csp) this.#problems.push(`CSP ${csp.violatedDirective}: ${csp.blockedURL ?? csp.contentSecurityPolicyViolationType}`);
  }

  "on_Page.javascriptDialogOpening"({ message }) {
    this.#problems.push(`dialog: ${message}`);
    this.send("Page.handleJavaScriptDialog", { accept: true }).catch(() => {});
  }

  /** What went wrong since this was asked last: errors in the console, reports of the CSP, requests that failed. */
  problems() {
    const found = [...new Set(this.#problems)];
    this.#problems = [];
    return found;
  }

  /** The parameters of the next event `method` for which `which` holds. */
  #event(method, which = () => true) {
    let entry;
    const promise = new Promise((done) => this.#awaited.add((entry = { method, which, done })));
    return inTime(promise, () => `${method} after ${this.#document}`).finally(() => this.#awaited.delete(entry));
  }

  // ---- going somewhere ----

  /** Goes to an address; returns the status of what is there. */
  async goto(url) {
    await this.#loaded(async () => {
      const { errorText } = await this.send("Page.navigate", { url });
      // A page of an error without a text is shown by Chromium itself, and is an answer all the same.
      if (errorText && errorText !== "net::ERR_HTTP_RESPONSE_CODE_FAILURE") throw new Error(`${url}: ${errorText}`);
    });
    return this.status;
  }

  /** Clicks something that leads to another page, and waits until that is there; returns its status. */
  async follow(target) {
    await this.#loaded(() => this.click(target));
    return this.status;
  }

  /** Presses a key that leads to another page, as Enter in a form. */
  async go(key) {
    await this.#loaded(() => this.press(key));
    return this.status;
  }

  async #loaded(action) {
    const loaded = this.#event("Page.loadEventFired");
    loaded.catch(() => {}); // should the action fail, that is what is told
    await action();
    await loaded;
    this.#world = undefined;
  }

  get url() {
    return this.#document;
  }

  // ---- looking ----

  /** What a function gives on the page, in a world that the page's own scripts and its CSP do not reach. */
  async evaluate(what, ...args) {
    const source = typeof what === "function" ? `(${what})(...${JSON.stringify(args)})` : what;
    this.#world ??= (await this.send("Page.createIsolatedWorld", { frameId: this.#frame, worldName: "tests" }))
      .executionContextId;
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      expression: source, contextId: this.#world, awaitPromise: true, returnByValue: true,
    });
    if (exceptionDetails) {
      throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    }
    return result.value;
  }

  /** The text of something that there is, as it is shown. */
  async text(selector = "body") {
    const text = await this.evaluate((one) => document.querySelector(one)?.innerText, selector);
    if (text === undefined) throw new Error(`${this.#document} has no ${selector}:\n${await this.#words()}`);
    return text;
  }

  /** The texts of all that a selector finds. */
  texts(selector) {
    return this.evaluate((one) => [...document.querySelectorAll(one)].map((found) => found.innerText), selector);
  }

  /** How many there are. */
  count(selector) {
    return this.evaluate((one) => document.querySelectorAll(one).length, selector);
  }

  /** Waits until a function gives something true on the page; for what scripts of the page do. */
  async until(what, ...args) {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const value = await this.evaluate(what, ...args);
      if (value) return value;
      if (Date.now() > end) throw new Error(`${this.#document}: never so: ${what}\n${await this.#words()}`);
      await sleep(POLL_MS);
    }
  }

  /** A picture of what is in view, or of the whole page, as a PNG. */
  async screenshot(file, { full = false } = {}) {
    const { cssContentSize } = await this.send("Page.getLayoutMetrics");
    const clip = full && { x: 0, y: 0, width: cssContentSize.width, height: cssContentSize.height, scale: 1 };
    const { data } = await this.send("Page.captureScreenshot", {
      format: "png", ...(clip && { clip, captureBeyondViewport: true }),
    });
    await writeFile(file, Buffer.from(data, "base64"));
  }

  async #words() {
    return (await this.evaluate(() => document.body?.innerText ?? "")).slice(0, 2_000);
  }

  // ---- doing ----

  /** The object id of what a target names; it must be the only one that is shown. */
  async #find(target) {
    const search = (wanted) => {
      const shown = (one) => one.checkVisibility({ visibilityProperty: true }) || one.type === "file";
      const named = (one) => (one.getAttribute("aria-label") ?? one.innerText).trim();
      let found;
      if (wanted.startsWith("text=")) {
        found = [...document.querySelectorAll("a[href], button, summary")].filter((one) => named(one) === wanted.slice(5));
      } else if (wanted.startsWith("label=")) {
        const labels = [...document.querySelectorAll("label")];
        found = labels.filter((one) => one.innerText.trim() === wanted.slice(6)).map((one) => one.control).filter(Boolean);
      } else {
        found = [...document.querySelectorAll(wanted)];
      }
      found = found.filter(shown);
      return found.length === 1 ? found[0] : `${found.length} of them are shown`;
    };
    await this.evaluate("0"); // there is a world
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      expression: `(${search})(${JSON.stringify(target)})`, contextId: this.#world,
    });
    if (exceptionDetails) throw new Error(`${target}: ${exceptionDetails.exception?.description}`);
    if (!result.objectId) throw new Error(`${this.#document}: ${target}: ${result.value}\n${await this.#words()}`);
    return result.objectId;
  }

  async #call(objectId, what, ...args) {
    const { result, exceptionDetails } = await this.send("Runtime.callFunctionOn", {
      objectId, functionDeclaration: what.toString(), returnByValue: true, awaitPromise: true,
      arguments: args.map((value) => ({ value })),
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Clicks something, where it is. */
  async click(target) {
    const id = await this.#find(target);
    const at = await this.#call(id, function () {
      this.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
      const [box] = this.getClientRects();
      const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
      const top = document.elementFromPoint(x, y);
      const hit = top && (this.contains(top) || top.contains(this) || top.closest("label")?.control === this);
      return hit ? { x, y } : { covered: top?.outerHTML.slice(0, 200) ?? "nothing there" };
    });
    if (at.covered) throw new Error(`${this.#document}: ${target} cannot be clicked: covered by ${at.covered}`);
    const mouse = { x: at.x, y: at.y, button: "left", clickCount: 1 };
    await this.send("Input.dispatchMouseEvent", { ...mouse, type: "mousePressed" });
    await this.send("Input.dispatchMouseEvent", { ...mouse, type: "mouseReleased" });
  }

  /** Puts a text into a field, in place of what is in it. */
  async type(target, text) {
    const id = await this.#find(target);
    await this.#call(id, function () {
      this.focus();
      this.select?.();
    });
    if (text) await this.send("Input.insertText", { text });
    else await this.press("Delete");
  }

  /** Chooses an option of a list, by its value. */
  async choose(target, value) {
    const id = await this.#find(target);
    const found = await this.#call(id, function (wanted) {
      if (![...this.options].some((one) => one.value === wanted)) return [...this.options].map((one) => one.value);
      this.value = wanted;
      this.dispatchEvent(new Event("input", { bubbles: true }));
      this.dispatchEvent(new Event("change", { bubbles: true }));
      return "";
    }, value);
    if (found) throw new Error(`${target} has no ${value}, but ${found}`);
  }

  /** Puts a file into a field for files. */
  async upload(target, file) {
    await this.send("DOM.setFileInputFiles", { objectId: await this.#find(target), files: [file] });
  }

  /** Presses a key: one of `KEYS`, with `Shift+` before it or not. */
  async press(key) {
    const name = key.replace("Shift+", "");
    const [code, windowsVirtualKeyCode, text] = KEYS[name] ?? [name, 46, ""];
    const event = { key: name === "Space" ? " " : name, code, windowsVirtualKeyCode, modifiers: name === key ? 0 : SHIFT };
    await this.send("Input.dispatchKeyEvent", { ...event, type: text ? "keyDown" : "rawKeyDown", text });
    await this.send("Input.dispatchKeyEvent", { ...event, type: "keyUp" });
  }

  /** The cookies of the visitor. */
  async cookies() {
    return (await this.send("Network.getCookies")).cookies;
  }

  /** Leaves for good. */
  async leave() {
    await this.#browser.send("Target.disposeBrowserContext", { browserContextId: this.#context });
  }
}
