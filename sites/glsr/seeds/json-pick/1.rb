#!/usr/bin/env ruby
# json-pick - Picks fields out of JSON lines and prints them as columns.
#
# Usage: json-pick [-s SEPARATOR] [-r] FIELD[,FIELD..] [FILE..]
#
#   -s SEPARATOR  between columns; a tab if not given
#   -r            leave out lines that lack one of the fields
#   -h            this help
#
# A FIELD goes into objects and lists by dots: "request.headers.0.name". Each line of
# the input is one JSON value, as logs have it. Lines that are no JSON are
# counted and told at the end.
# Exit codes: 0 done, 1 some lines were no JSON, 2 wrong usage.
#
# SPDX-License-Identifier: MIT-0
require "json"
require "optparse"

# What stands at the end of a path, or nil.
def pick(value, path)
  path.reduce(value) do |inside, key|
    case inside
    when Hash then inside[key]
    when Array then key.match?(/\A\d+\z/) ? inside[key.to_i] : nil
    end
  end
end

# A value as one word of a line: texts as they are, without what would end the line.
def word(value)
  case value
  when nil then ""
  when String then value.gsub(/[\t\r\n]/, " ")
  else JSON.generate(value)
  end
end

separator = "\t"
required = false
parser = OptionParser.new do |options|
  options.banner = "usage: json-pick [-s SEPARATOR] [-r] FIELD[,FIELD..] [FILE..]"
  options.on("-s SEPARATOR", "between columns; a tab if not given") { |text| separator = text }
  options.on("-r", "leave out lines that lack one of the fields") { required = true }
  options.on("-h", "--help", "this help") do
    puts options
    exit 0
  end
end

begin
  parser.parse!
  fields = (ARGV.shift || raise(OptionParser::MissingArgument, "FIELD")).split(",").map { |f| f.split(".") }
rescue OptionParser::ParseError => error
  warn "json-pick: #{error.message}", parser.banner
  exit 2
end

wrong = 0
begin
  ARGF.each_line do |line|
    line = line.scrub.strip
    next if line.empty?

    begin
      value = JSON.parse(line)
    rescue JSON::ParserError
      wrong += 1
      next
    end
    picked = fields.map { |path| pick(value, path) }
    next if required && picked.any?(&:nil?)

    puts picked.map { |one| word(one) }.join(separator)
  end
rescue Errno::EPIPE
  exit 0
rescue SystemCallError => error
  warn "json-pick: #{error.message}"
  exit 2
end
$stdout.flush
warn "json-pick: lines that are no JSON: #{wrong}" if wrong.positive?
exit wrong.positive? ? 1 : 0
