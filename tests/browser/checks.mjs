// What every page must be like: for those who see it small, dark, by ear or by keyboard.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

/** axe-core's program, or none where npm could not bring it. */
const AXE = process.env.AXE ? readFileSync(process.env.AXE, "utf8") : "";
/** Why tests with axe are skipped, or false. */
export const NO_AXE = AXE ? false : "axe-core is not here: see the first lines of tests/browser/run";
const IMPACTS = ["serious", "critical"];
/** The narrowest screen that all is made for, in CSS pixels. */
export const NARROW = 360;
/** The width of all other looks. */
export const WIDE = 1280;
/** An outline that can be seen, in CSS pixels. */
const OUTLINE_LEAST = 2;
/** Presses of Tab beyond the controls of a page: for boxes that scroll, and for the way round. */
const TABS_MORE = 40;

function none(found, what) {
  assert.ok(found.length === 0, `${what}:\n${found.join("\n")}`);
}

/** No errors in the console, no reports of the CSP, no request that failed. */
export function quiet(page) {
  none(page.problems(), `what the browser complains about at ${page.url}`);
}

/** No barrier that axe calls serious or critical; the page is looked at as it is shown now. */
export async function noBarriers(page, how) {
  await page.evaluate(AXE);
  const found = await page.evaluate(async (impacts) => {
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations.filter((one) => impacts.includes(one.impact)).map(({ id, help, nodes }) => {
      const at = nodes.slice(0, 5).map((node) => `${node.target} ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`);
      return `${id}: ${help}\n  ${at.join("\n  ")}`;
    });
  }, IMPACTS);
  none(found, `barriers at ${page.url} (${how})`);
}

/** In light and wide, in dark and narrow. */
export async function noBarriersEitherWay(page) {
  await page.look({ width: WIDE, scheme: "light" });
  await noBarriers(page, "light");
  await page.look({ width: NARROW, scheme: "dark" });
  await noBarriers(page, "dark, narrow");
  await page.look({ width: WIDE, scheme: "light" });
}

/** Nothing makes the page wider than a small screen. */
export async function fits(page) {
  await page.look({ width: NARROW });
  const { width, beyond } = await page.evaluate((most) => {
    const scrolled = (one) => {
      const absolute = getComputedStyle(one).position === "absolute"; // then only its own box can hold it
      for (let up = absolute ? one.offsetParent : one.parentElement; up && up !== document.body; up = up.parentElement) {
        if (getComputedStyle(up).overflowX !== "visible") return true;
      }
    };
    const all = [...document.body.querySelectorAll("*")];
    const beyond = all.filter((one) => one.getBoundingClientRect().right > most + 0.5 && !scrolled(one));
    return {
      width: document.documentElement.scrollWidth, beyond: beyond.slice(0, 5).map((one) => one.outerHTML.slice(0, 120)),
    };
  }, NARROW);
  await page.look({ width: WIDE });
  assert.ok(width <= NARROW, `${page.url} is ${width} pixels wide on a screen of ${NARROW}: ${beyond.join("\n")}`);
}

/** Says which language it is in, in `lang`, and has one heading of the first order and a title. */
export async function isIn(page, language) {
  const { lang, title, headings, controls } = await page.evaluate(() => ({
    lang: document.documentElement.lang,
    title: document.title.trim(),
    headings: document.querySelectorAll("h1").length,
    controls: document.querySelectorAll("main h1").length,
  }));
  assert.equal(lang, language, `lang of ${page.url}`);
  assert.notEqual(title, "", `title of ${page.url}`);
  assert.deepEqual([headings, controls], [1, 1], `h1 of ${page.url}, in all and in main`);
}

/** Tab reaches every link, button and field, and each shows that it has the focus. */
export async function byKeyboard(page) {
  await page.look({ width: WIDE });
  const count = await page.evaluate(() => {
    const candidates = document.querySelectorAll(
      "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']",
    );
    const radios = new Set();
    const wanted = [...candidates].filter((one) => {
      if (one.disabled || one.tabIndex < 0 || !one.checkVisibility({ visibilityProperty: true })) return false;
      if (one.type !== "radio") return true;
      const group = `${one.form?.action} ${one.name}`; // Tab stops once at a group: at what is chosen
      return !radios.has(group) && radios.add(group);
    });
    globalThis.wanted = new Set(wanted);
    globalThis.reached = new Map();
    document.activeElement?.blur();
    document.addEventListener("focusin", ({ target }) => {
      const style = getComputedStyle(target);
      const box = target.getBoundingClientRect();
      globalThis.reached.set(target, {
        outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
        colour: style.outlineColor,
        inView: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
      });
    });
    return wanted.length;
  });
  for (let pressed = 0; pressed < count + TABS_MORE; pressed++) {
    await page.press("Tab");
    if (pressed % 20 === 19 && (await page.evaluate(() => [...wanted].every((one) => reached.has(one))))) break;
  }
  const { missed, unseen } = await page.evaluate((least) => {
    const html = (one) => one.outerHTML.slice(0, 160);
    const group = (one) => one.type === "radio" && [...reached.keys()].some((it) => it.name === one.name);
    return {
      missed: [...wanted].filter((one) => !reached.has(one) && !group(one)).map(html),
      unseen: [...reached]
        .filter(([one, { outline, colour, inView }]) =>
          one !== document.body && (outline < least || /^rgba\(.*, 0\)$|^transparent$/.test(colour) || !inView))
        .map(([one, how]) => `${html(one)} ${JSON.stringify(how)}`),
    };
  }, OUTLINE_LEAST);
  none(missed, `Tab does not reach, at ${page.url}`);
  none(unseen, `nobody sees where the focus is, at ${page.url}`);
}

/** The first Tab shows a link that leads past the navigation. */
export async function skips(page) {
  await page.press("Tab");
  const link = await page.evaluate(() => {
    const one = document.activeElement;
    return { href: one.getAttribute("href"), top: one.getBoundingClientRect().top };
  });
  assert.equal(link.href, "#main", `what the first Tab reaches at ${page.url}`);
  assert.ok(link.top >= 0, "it is in view");
  await page.press("Enter");
  await page.until(() => document.activeElement.id === "main");
  await page.press("Tab");
  const inNavigation = await page.evaluate(() => !!document.activeElement.closest("header, .skip"));
  assert.equal(inNavigation, false, "the next Tab is past the navigation");
}
