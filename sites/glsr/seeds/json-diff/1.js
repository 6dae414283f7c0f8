#!/usr/bin/env node
// json-diff - Shows where two JSON files differ, whatever the order of their keys.
//
// Usage: json-diff [-q] ONE OTHER
//
//   -q  print nothing, only the exit code
//   -h  this help
//
// One line for each difference: "-" only in ONE, "+" only in OTHER, "~" changed, with the
// path to the place: a.b[2]."odd key". FILE "-" is the standard input.
// Exit codes: 0 equal, 1 they differ, 2 wrong usage or no JSON.
//
// SPDX-License-Identifier: MIT-0
"use strict";

const fs = require("fs");

const USAGE = "usage: json-diff [-q] ONE OTHER";

function fail(message) {
  process.stderr.write(`json-diff: ${message}\n`);
  process.exit(2);
}

function read(name) {
  let text;
  try {
    text = fs.readFileSync(name === "-" ? 0 : name, "utf8");
  } catch (error) {
    fail(error.message);
  }
  try {
    // Some editors begin a file with a byte order mark.
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    fail(`${name} is no JSON: ${error.message}`);
  }
}

const kind = (value) => (value === null ? "null" : Array.isArray(value) ? "list" : typeof value);

// A step of a path, as one would write it in JavaScript where that is possible.
function step(path, key) {
  if (typeof key === "number") return `${path}[${key}]`;
  const name = /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key);
  return path === "" ? name : `${path}.${name}`;
}

// All differences as lines, in the order of their places. A stack of our own: a file may be nested deeper
// than calls can be.
function differences(one, other) {
  const found = [];
  const stack = [{ path: "", a: one, b: other, inA: true, inB: true }];
  while (stack.length > 0) {
    const { path, a, b, inA, inB } = stack.pop();
    const shown = path === "" ? "(all)" : path;
    if (!inB) {
      found.push(`- ${shown}: ${JSON.stringify(a)}`);
    } else if (!inA) {
      found.push(`+ ${shown}: ${JSON.stringify(b)}`);
    } else if (kind(a) !== kind(b) || (kind(a) !== "list" && kind(a) !== "object")) {
      if (a !== b) found.push(`~ ${shown}: ${JSON.stringify(a)} -> ${JSON.stringify(b)}`);
    } else {
      const isList = kind(a) === "list";
      const keys = isList
        ? Array.from({ length: Math.max(a.length, b.length) }, (_, index) => index)
        : [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
      const has = (value, key) => Object.prototype.hasOwnProperty.call(value, key);
      // From the last to the first, since a stack gives back what came last.
      for (const key of keys.reverse()) {
        stack.push({ path: step(path, key), a: a[key], b: b[key], inA: has(a, key), inB: has(b, key) });
      }
    }
  }
  return found;
}

function main(args) {
  if (args.includes("-h") || args.includes("--help")) {
    console.log(USAGE);
    return 0;
  }
  const quiet = args[0] === "-q";
  const [one, other, more] = quiet ? args.slice(1) : args;
  if (other === undefined || more !== undefined) fail(USAGE);
  const found = differences(read(one), read(other));
  if (!quiet && found.length > 0) console.log(found.join("\n"));
  return found.length > 0 ? 1 : 0;
}

process.exitCode = main(process.argv.slice(2));
