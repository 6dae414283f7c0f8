//! What `highlight` colours as what, language by language: above all what looks like something else.

mod common;

use common::decoded;
use harmonious_templating::{HighlightOptions, highlight};

/// The inside of `code`, with `[c text]` for a span of the class `hl-c`. References are decoded.
fn spans(language: &str, text: &str) -> String {
    let page = highlight(text, language, &HighlightOptions::default());
    let code = page
        .split_once("\">")
        .unwrap()
        .1
        .split_once("\">")
        .unwrap()
        .1;
    let code = code.strip_suffix("</code></pre>").unwrap();
    decoded(
        &code
            .replace("<span class=\"hl-", "[")
            .replace("</span>", "]")
            .replace("\">", " "),
    )
}

#[track_caller]
fn check(language: &str, text: &str, expected: &str) {
    assert_eq!(spans(language, text), expected, "{language}");
}

#[test]
fn shells() {
    check(
        "bash",
        "#!/bin/bash\nif [ $# -lt 1 ]; then echo \"a # b\" # c\nfi",
        "[m #!/bin/bash]\n[k if] [ [v $#] -lt [n 1] ]; [k then] [b echo] [s \"a # b\"] [c # c]\n[k fi]",
    );
    check(
        "sh",
        "a=b#c; echo if x=1",
        "[v a]=b#c; [b echo] if [v x]=[n 1]",
    );
    check(
        "zsh",
        "x=\"$(echo \"in'n\" | wc)\" ${y:-\"a b\"}",
        "[v x]=[s \"]$([b echo] [s \"in'n\"] | wc)[s \"] [v ${y:-\"a b\"}]",
    );
    check(
        "bash",
        "cat <<'A' <<-B\n$x # no\nA\n\t$y\n\tB\necho \\' $((1<<4))",
        "cat [s <<'A'] [s <<-B]\n[s $x # no\nA]\n[s \t][v $y][s \n\tB]\n[b echo] \\' $(([n 1]<<[n 4]))",
    );
    check(
        "ksh",
        "f() { case $1 in a) return;; esac; }\nfor i in in; do :; done",
        "[f f]() { [k case] [v $1] [k in] a) [b return];; [k esac]; }\n\
         [k for] i [k in] in; [k do] [b :]; [k done]",
    );
    check(
        "bash",
        "echo $'it\\'s' 'a\\'",
        "[b echo] [s $'it\\'s'] [s 'a\\']",
    );
    check(
        "fish",
        "function hi\n  set -l x (count $argv) # n\n  echo 'it\\'s' a#b\nend",
        "[k function] [f hi]\n  [b set] -l x ([b count] [v $argv]) [c # n]\n  [b echo] [s 'it\\'s'] a#b\n[k end]",
    );
}

#[test]
fn power_shell() {
    check(
        "powershell",
        "<# a\n# #> Get-Item -Path $env:HOME # x\nIF ($a -eq 1) { 'it''s' }",
        "[c <# a\n# #>] [b Get-Item] -Path [v $env:HOME] [c # x]\n\
         [k IF] ([v $a] [k -eq] [n 1]) { [s 'it''s'] }",
    );
    check(
        "ps1",
        "$x = @\"\n\"a\" $y `$z $(1 + 2)\n\"@\n$w = @'\n$v \"@\n'@",
        "[v $x] = [s @\"\n\"a\" ][v $y][s  `$z ]$([n 1] + [n 2])[s \n\"@]\n[v $w] = [s @'\n$v \"@\n'@]",
    );
    check(
        "pwsh",
        "function Get-X([string]$a) { \"`\"# $a\" }",
        "[k function] [f Get-X]([[b string]][v $a]) { [s \"`\"# ][v $a][s \"] }",
    );
}

#[test]
fn tcl() {
    check(
        "tcl",
        "# c\nproc f {a} { set b \"x [g $a] # no\" ;# yes\n}\nif {1} {\n} else { puts $::n::x }\nputs #no",
        "[c # c]\n[k proc] [f f] {a} { [k set] b [s \"x ][g [v $a]][s  # no\"] ;[c # yes]\n}\n\
         [k if] {[n 1]} {\n} [k else] { [b puts] $::n::x }\n[b puts] #no",
    );
}

#[test]
fn python() {
    check(
        "python",
        "@dec.x\ndef f(s=r'a#\\'b', t=\"\"\"a\n\"q\" # no\n\"\"\"): # yes\n    return f\"{s}\" or x.print(1e-5)",
        "[m @dec.x]\n[k def] [f f](s=[s r'a#\\'b'], t=[s \"\"\"a\n\"q\" # no\n\"\"\"]): [c # yes]\n    \
         [k return] [s f\"{s}\"] [k or] x.[f print]([n 1e-5])",
    );
    check(
        "py",
        "x = 'open\nif y: # z",
        "x = [s 'open]\n[k if] y: [c # z]",
    );
    check("py", "a = '''\n'x'\n'''", "a = [s '''\n'x'\n''']");
}

#[test]
fn perl() {
    check(
        "perl",
        "my %h = (s => 1, y => 2); my $n = @{$h{l}} % 10; # c",
        "[k my] [v %h] = (s => [n 1], y => [n 2]); [k my] [v $n] = [v @{$h{l}}] % [n 10]; [c # c]",
    );
    check(
        "pl",
        "$x =~ s/#a/b#/gi; $y =~ s{a{2}} {b}e; @w = qw(a #b); tr/a-z//; $x =~ /f\"o$/ && $n / 2 / 3",
        "[v $x] =~ [s s/#a/b#/gi]; [v $y] =~ [s s{a{2}}] [s {b}e]; [v @w] = [s qw(a #b)]; \
         [s tr/a-z//]; [v $x] =~ [s /f\"o$/] && [v $n] / [n 2] / [n 3]",
    );
    check(
        "pm",
        "print <<\"A\", <<'B';\nhi $n # no\nA\nraw $n\nB\nsub y { $#w << 4 }\n=pod\n\n\"\n\n=cut\nmy $z;\n__END__\nif",
        "[b print] [s <<\"A\"], [s <<'B'];\n[s hi ][v $n][s  # no\nA]\n[s raw $n\nB]\n\
         [k sub] [f y] { [v $#w] << [n 4] }\n[c =pod\n\n\"\n\n=cut]\n[k my] [v $z];\n[c __END__\nif]",
    );
    check(
        "perl",
        "q{a{'}b} . $#{$z} . -s $f",
        "[s q{a{'}b}] . [v $#{$z}] . -s [v $f]",
    );
}

#[test]
fn ruby() {
    check(
        "ruby",
        "def f?(b: 1)\n  x = %w[a #b] << :sym?\n  puts \"v #{x.map { |y| \"#{y}!\" }} # no\", @a\nend # yes",
        "[k def] [f f]?(b: [n 1])\n  x = [s %w[a #b]] << [s :sym?]\n  [b puts] \
         [s \"v ]#{x.map { |y| [s \"]#{y}[s !\"] }}[s  # no\"], [v @a]\n[k end] [c # yes]",
    );
    check(
        "rb",
        "s = <<~E\n  a@b # no\n  E\nx =~ /a#\"/i ? 4 / 2 : 1\n=begin\ndef\n=end\nA::B",
        "s = [s <<~E]\n[s   a@b # no\n  E]\nx =~ [s /a#\"/i] ? [n 4] / [n 2] : [n 1]\n[c =begin\ndef\n=end]\nA::B",
    );
}

#[test]
fn php() {
    check(
        "php",
        "<b>if $x</b>\n<?php echo \"a $x # no\"; # yes ?>\nif\n<?= $y // z\n?>",
        "<b>if $x</b>\n[m <?php] [k echo] [s \"a ][v $x][s  # no\"]; [c # yes ][m ?>]\nif\n[m <?=] [v $y] [c // z]\n[m ?>]",
    );
    check(
        "php",
        "$a = <<<'E'\n$x 'q\nE;\n$b = <<<E\n  {$x->y} $z\n  E . 'c'; /* d\n*/ f(1)",
        "[v $a] = [s <<<'E']\n[s $x 'q\nE];\n[v $b] = [s <<<E]\n[s   {][v $x][s ->y} ][v $z][s \n  E] . \
         [s 'c']; [c /* d\n*/] [f f]([n 1])",
    );
}

#[test]
fn lua_and_awk() {
    check(
        "lua",
        "local s = [==[ a ]] \n-- no ]==] --[[ c\nd ]] .. \"x--y\" -- e\nfunction f(a) return t[u[1]] end",
        "[k local] s = [s [==[ a ]] \n-- no ]==]] [c --[[ c\nd ]]] .. [s \"x--y\"] [c -- e]\n\
         [k function] [f f](a) [k return] t[u[[n 1]]] [k end]",
    );
    check(
        "awk",
        "BEGIN { FS = \"#\" } # c\n/a#[/]b/ && $NF ~ /x\"/ { print $1 / 2, NR / 3 / 4 }",
        "[k BEGIN] { [b FS] = [s \"#\"] } [c # c]\n[s /a#[/]b/] && [v $NF] ~ [s /x\"/] { [k print] [v $1] / [n 2], [b NR] / [n 3] / [n 4] }",
    );
}

#[test]
fn java_script() {
    check(
        "js",
        "const r = /[/'\"]\\//g, d = a / b / c; // x\nf(`t ${g(`in ${1}`)} // no`); return /y/.test(z)",
        "[k const] r = [s /[/'\"]\\//g], d = a / b / c; [c // x]\n[f f]([s `t ]${[f g]([s `in ]${[n 1]}[s `])}[s  // no`]); [k return] [s /y/].[f test](z)",
    );
    check(
        "typescript",
        "class A { x: string = '/*'; /* b */ }",
        "[k class] [f A] { x: [b string] = [s '/*']; [c /* b */] }",
    );
}

#[test]
fn rust() {
    check(
        "rust",
        "/* a /* b */ c */ fn f<'a>(x: &'a str) -> char { '\\'' } // d",
        "[c /* a /* b */ c */] [k fn] [f f]<[v 'a]>(x: &[v 'a] [b str]) -> [b char] { [s '\\''] } [c // d]",
    );
    check(
        "rs",
        "#[derive(Debug)]\nlet s = r#\"a\" // no\"#; println!(\"{}\", b'x' != 'é'); 0..1_000u32",
        "[m #[derive(Debug)]]\n[k let] s = [s r#\"a\" // no\"#]; [f println!]([s \"{}\"], [s b'x'] != [s 'é']); [n 0]..[n 1_000u32]",
    );
}

#[test]
fn c_go_and_java() {
    check(
        "c",
        "#include <a//b.h>\n# define X \"/*\" /* c\n*/ int main(void) { return '\"' + 1'000; } // d",
        "[m #include] [s <a//b.h>]\n[m # define] X [s \"/*\"] [c /* c\n*/] [b int] [f main]([b void]) { [k return] [s '\"'] + [n 1'000]; } [c // d]",
    );
    check(
        "go",
        "func (t *T) F() { s := `a\n// \"` }",
        "[k func] (t *T) [f F]() { s := [s `a\n// \"`] }",
    );
    check(
        "java",
        "@Override void f() { s = \"\"\"\n\"x\" // no\n\"\"\"; }",
        "[m @Override] [b void] [f f]() { s = [s \"\"\"\n\"x\" // no\n\"\"\"]; }",
    );
}

#[test]
fn data_and_markup() {
    check(
        "sql",
        "SELECT 'it''s -- no' FROM t -- c",
        "[k SELECT] [s 'it''s -- no'] [k FROM] t [c -- c]",
    );
    check(
        "json",
        "{\"a\\\"\": [\"b\", 1e-5, true]}",
        "{[v \"a\\\"\"]: [[s \"b\"], [n 1e-5], [k true]]}",
    );
    check(
        "yaml",
        "a: it's # c\nb-c: 'd # e'\n- f: http://x#y",
        "[v a]: it's [c # c]\n[v b-c]: [s 'd # e']\n- [v f]: http://x#y",
    );
    check(
        "toml",
        "[a.b]\nc = \"d # e\" # f\ng = true",
        "[f [a.b]]\n[v c] = [s \"d # e\"] [c # f]\n[v g] = [k true]",
    );
    check(
        "makefile",
        "CC := gcc\nall: $(OBJ) # c\n\techo $@",
        "[v CC] := gcc\n[f all]: [v $(OBJ)] [c # c]\n\techo [v $@]",
    );
    check(
        "dockerfile",
        "FROM a AS b\nRUN x \\\n  from $Y # c",
        "[k FROM] a AS b\n[k RUN] x \\\n  from [v $Y] [c # c]",
    );
    check(
        "html",
        "<!-- <b> --><a href=\"x>y\">if &amp; z</a>",
        "[c <!-- <b> -->][k <a] [v href]=[s \"x>y\"][k >]if [n &amp;] z[k </a>]",
    );
    check(
        "css",
        ".a { color: #fff; /* b */ width: 1px }",
        "[f .a] { [v color]: [n #fff]; [c /* b */] [v width]: [n 1px] }",
    );
    check(
        "diff",
        "--- a\n@@ -1 +1 @@\n-x\n+y\n z\n",
        "[m --- a]\n[f @@ -1 +1 @@]\n[d -x]\n[i +y]\n z\n",
    );
}
