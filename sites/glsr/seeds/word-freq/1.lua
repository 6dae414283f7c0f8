#!/usr/bin/env lua
-- word-freq - Counts the words of texts, the most frequent first.
--
-- Usage: word-freq [-n COUNT] [-l LENGTH] [FILE..]
--
--   -n COUNT   so many words; 20 if not given
--   -l LENGTH  only words of at least so many letters; 1 if not given
--   -h         this help
--
-- Capitals do not matter. A word is letters, digits, "'" and all that is not
-- ASCII, so words in any script count. Runs with Lua 5.1 to 5.4 and LuaJIT.
-- Exit codes: 0 done, 2 wrong usage or a file that cannot be read.
--
-- SPDX-License-Identifier: MIT-0

local USAGE = "usage: word-freq [-n COUNT] [-l LENGTH] [FILE..]"

local function fail(message)
  io.stderr:write("word-freq: ", message, "\n", USAGE, "\n")
  os.exit(2)
end

-- A whole number above zero, or the end.
local function number(option, text)
  local value = tonumber(text or "")
  if not value or value < 1 or value ~= math.floor(value) then
    fail(option .. " takes a number above zero, not " .. tostring(text))
  end
  return value
end

local most, least, files = 20, 1, {}
local at = 1
while arg[at] do
  local word = arg[at]
  if word == "-h" or word == "--help" then
    print(USAGE)
    os.exit(0)
  elseif word == "-n" or word == "-l" then
    at = at + 1
    local value = number(word, arg[at])
    if word == "-n" then most = value else least = value end
  elseif word:sub(1, 1) == "-" and #word > 1 then
    fail("no such option: " .. word)
  else
    files[#files + 1] = word
  end
  at = at + 1
end
if #files == 0 then files[1] = "-" end

-- Letters, not bytes: bytes 128 to 191 go on with a letter of UTF-8.
local function letters(word)
  local _, inside = word:gsub("[\128-\191]", "")
  return #word - inside
end

local counts = {}
local function count(file)
  for line in file:lines() do
    for word in line:lower():gmatch("[%w'\128-\255]+") do
      word = word:gsub("^'+", ""):gsub("'+$", "")
      if word ~= "" and letters(word) >= least then
        counts[word] = (counts[word] or 0) + 1
      end
    end
  end
end

for _, name in ipairs(files) do
  if name == "-" then
    count(io.stdin)
  else
    local file, why = io.open(name, "r")
    if not file then fail(why) end
    count(file)
    file:close()
  end
end

local words = {}
for word in pairs(counts) do words[#words + 1] = word end
table.sort(words, function(a, b)
  if counts[a] ~= counts[b] then return counts[a] > counts[b] end
  return a < b
end)
for i = 1, math.min(most, #words) do
  print(string.format("%7d  %s", counts[words[i]], words[i]))
end
