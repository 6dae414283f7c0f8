//! Plural forms: which one a number takes in a language.
//!
//! The rules are those for cardinal numbers of Unicode's CLDR (UTS #35, part 3, "Language Plural
//! Rules"), in groups of languages that share them.

use serde_json::Number;

/// A form that a text can have for a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plural {
    /// Arabic, Latvian and Welsh have one for zero.
    Zero,
    /// One thing, and in some languages more.
    One,
    /// Two things.
    Two,
    /// A few.
    Few,
    /// Many; in French and its like whole millions.
    Many,
    /// All else; every text with forms has it.
    Other,
}

impl Plural {
    /// All of them.
    pub const ALL: [Plural; 6] = [
        Plural::Zero,
        Plural::One,
        Plural::Two,
        Plural::Few,
        Plural::Many,
        Plural::Other,
    ];

    /// Its name in a catalogue: `one`.
    pub fn name(self) -> &'static str {
        match self {
            Plural::Zero => "zero",
            Plural::One => "one",
            Plural::Two => "two",
            Plural::Few => "few",
            Plural::Many => "many",
            Plural::Other => "other",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Plural> {
        Plural::ALL.into_iter().find(|form| form.name() == name)
    }
}

/// A number, as far as plural forms depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The whole part, without its sign.
    i: u64,
    /// The digits behind the point, as a number; 0 if there are none.
    f: u64,
    /// How many they are.
    v: usize,
}

impl Count {
    /// A whole number; its sign does not matter.
    pub fn whole(number: i128) -> Count {
        let i = u64::try_from(number.unsigned_abs()).unwrap_or(u64::MAX);
        Count { i, f: 0, v: 0 }
    }

    /// Any number, with as many digits behind the point as it needs.
    ///
    /// ```
    /// use harmonious_locales::Count;
    ///
    /// assert_eq!(Count::any(3.0), Count::whole(3));
    /// ```
    pub fn any(number: f64) -> Count {
        let digits = number.abs().to_string();
        let (whole, behind) = digits.split_once('.').unwrap_or((&digits, ""));
        Count {
            i: whole.parse().unwrap_or(u64::MAX),
            f: behind.parse().unwrap_or(0),
            v: behind.len(),
        }
    }

    /// A number of JSON.
    pub fn json(number: &Number) -> Count {
        let whole = || number.as_u64().map(i128::from);
        match number.as_i64().map(i128::from).or_else(whole) {
            Some(whole) => Count::whole(whole),
            None => Count::any(number.as_f64().unwrap_or(f64::MAX)),
        }
    }

    fn is_whole(self) -> bool {
        self.v == 0
    }

    /// Whether it is whole and this.
    fn is(self, number: u64) -> bool {
        self.v == 0 && self.i == number
    }

    /// Whether it is whole, and what is left of it after a division lies within.
    fn ends(self, modulus: u64, low: u64, high: u64) -> bool {
        self.v == 0 && (low..=high).contains(&(self.i % modulus))
    }

    fn is_millions(self) -> bool {
        self.v == 0 && self.i != 0 && self.i.is_multiple_of(1_000_000)
    }
}

/// The rules of a language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    group: Group,
    /// Whether the language is in the table.
    known: bool,
}

/// Languages that share their rules, called by one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Japanese,
    English,
    Greek,
    Danish,
    Armenian,
    French,
    Spanish,
    Italian,
    Hindi,
    Lingala,
    Sinhala,
    Icelandic,
    Macedonian,
    Filipino,
    Latvian,
    Lithuanian,
    Hebrew,
    Romanian,
    Croatian,
    Czech,
    Polish,
    Russian,
    Slovenian,
    Arabic,
    Irish,
    Gaelic,
    Maltese,
    Welsh,
}

/// The groups; what is before a hyphen in a code decides, unless the whole code is named.
const LANGUAGES: [(Group, &str); 28] = [
    (
        Group::Japanese,
        "bo dz id ja jv km ko lo ms my su th to vi wo yo yue zh",
    ),
    (
        Group::English,
        "ast de en et fi fy gl ia io nl sc sv sw ur yi",
    ),
    (
        Group::Greek,
        "af an az bg ckb el eo eu fo fur ha hu ka kk kl ku ky lb lg ml mn mr nb ne nn no ny nr om or os \
         ps rm rn sd sn so sq ss st syr ta te tig tk tn tr ts ug uz ve vo xh",
    ),
    (Group::Danish, "da"),
    (Group::Armenian, "ff hy kab"),
    (Group::French, "fr pt"),
    (Group::Spanish, "es"),
    (Group::Italian, "ca it lij pt-pt scn vec"),
    (Group::Hindi, "am as bn fa gu hi kn zu"),
    (Group::Lingala, "ak bho guw ln mg nso pa ti wa"),
    (Group::Sinhala, "si"),
    (Group::Icelandic, "is"),
    (Group::Macedonian, "mk"),
    (Group::Filipino, "ceb fil tl"),
    (Group::Latvian, "lv prg"),
    (Group::Lithuanian, "lt"),
    (Group::Hebrew, "he iw"),
    (Group::Romanian, "mo ro"),
    (Group::Croatian, "bs hr sh sr"),
    (Group::Czech, "cs sk"),
    (Group::Polish, "pl"),
    (Group::Russian, "be ru uk"),
    (Group::Slovenian, "sl"),
    (Group::Arabic, "ar ars"),
    (Group::Irish, "ga"),
    (Group::Gaelic, "gd"),
    (Group::Maltese, "mt"),
    (Group::Welsh, "cy"),
];

impl Rules {
    /// Of the language of that code, such as `fr` or `pt-BR`. A language that is not in the table has the
    /// forms `one`, for 1, and `other`.
    ///
    /// ```
    /// use harmonious_locales::{Count, Plural, Rules};
    ///
    /// assert_eq!(Rules::of("en").form(Count::whole(0)), Plural::Other);
    /// assert_eq!(Rules::of("fr-CA").form(Count::whole(0)), Plural::One);
    /// ```
    pub fn of(code: &str) -> Rules {
        let code = code.to_ascii_lowercase();
        let language = code.split('-').next().unwrap_or_default();
        let find = |code: &str| {
            let has = |(_, codes): &&(Group, &str)| codes.split(' ').any(|known| known == code);
            LANGUAGES.iter().find(has).map(|(group, _)| *group)
        };
        let group = find(&code).or_else(|| find(language));
        Rules {
            group: group.unwrap_or(Group::Greek),
            known: group.is_some(),
        }
    }

    /// Whether the language is one whose rules are known here.
    pub fn is_known(self) -> bool {
        self.known
    }

    /// The forms that a text needs in this language.
    pub fn needed(self) -> &'static [Plural] {
        use Plural::{Few, Many, One, Other, Two, Zero};
        match self.group {
            Group::Japanese => &[Other],
            Group::Latvian => &[Zero, One, Other],
            Group::Hebrew => &[One, Two, Other],
            Group::Romanian | Group::Croatian => &[One, Few, Other],
            // `many` of Czech and Lithuanian is for fractions only.
            Group::Czech | Group::Lithuanian => &[One, Few, Other],
            Group::Polish | Group::Russian => &[One, Few, Many, Other],
            Group::Slovenian | Group::Gaelic => &[One, Two, Few, Other],
            Group::Irish | Group::Maltese => &[One, Two, Few, Many, Other],
            Group::Arabic | Group::Welsh => &[Zero, One, Two, Few, Many, Other],
            _ => &[One, Other],
        }
    }

    /// The forms that a text may have: those that are needed, and some that few texts want.
    pub fn allowed(self) -> &'static [Plural] {
        use Plural::{Few, Many, One, Other};
        match self.group {
            Group::French | Group::Spanish | Group::Italian => &[One, Many, Other],
            Group::Czech | Group::Lithuanian => &[One, Few, Many, Other],
            _ => self.needed(),
        }
    }

    /// The form of a number.
    pub fn form(self, n: Count) -> Plural {
        use Plural::{Few, Many, One, Other, Two, Zero};
        let within = |low, high| n.is_whole() && (low..=high).contains(&n.i);
        match self.group {
            Group::Japanese => Other,
            Group::English | Group::Greek => either(n.is(1), One),
            Group::Danish => either(n.is(1) || (n.f != 0 && n.i <= 1), One),
            Group::Armenian => either(n.i <= 1, One),
            Group::French if n.is_millions() => Many,
            Group::French => either(n.i <= 1, One),
            Group::Spanish | Group::Italian if n.is_millions() => Many,
            Group::Spanish | Group::Italian => either(n.is(1), One),
            Group::Hindi => either(n.i == 0 || n.is(1), One),
            Group::Lingala => either(within(0, 1), One),
            Group::Sinhala => either(within(0, 1) || (n.i == 0 && n.f == 1), One),
            Group::Icelandic => {
                let last = if n.is_whole() { n.i } else { n.f };
                either(last % 10 == 1 && last % 100 != 11, One)
            }
            Group::Macedonian => either(one_slavic(n.i, n.v == 0) || one_slavic(n.f, n.v > 0), One),
            Group::Filipino => {
                let last = if n.is_whole() { n.i } else { n.f };
                let is_one = n.is_whole() && (1..=3).contains(&n.i);
                either(is_one || !matches!(last % 10, 4 | 6 | 9), One)
            }
            Group::Latvian => latvian(n),
            Group::Lithuanian if !n.is_whole() => Many,
            Group::Lithuanian if n.ends(100, 11, 19) => Other,
            Group::Lithuanian if n.ends(10, 1, 1) => One,
            Group::Lithuanian => either(n.ends(10, 2, 9), Few),
            Group::Hebrew if n.is(2) => Two,
            Group::Hebrew => either(n.is(1) || (n.i == 0 && !n.is_whole()), One),
            Group::Romanian if n.is(1) => One,
            Group::Romanian => either(!n.is_whole() || n.is(0) || n.ends(100, 1, 19), Few),
            Group::Croatian if one_slavic(n.i, n.v == 0) || one_slavic(n.f, n.v > 0) => One,
            Group::Croatian => either(few_slavic(n.i, n.v == 0) || few_slavic(n.f, n.v > 0), Few),
            Group::Czech if n.is(1) => One,
            Group::Czech if !n.is_whole() => Many,
            Group::Czech => either(within(2, 4), Few),
            Group::Polish | Group::Russian if !n.is_whole() => Other,
            Group::Polish if n.is(1) => One,
            Group::Russian if one_slavic(n.i, true) => One,
            Group::Polish | Group::Russian if few_slavic(n.i, true) => Few,
            Group::Polish | Group::Russian => Many,
            Group::Slovenian if n.ends(100, 1, 1) => One,
            Group::Slovenian if n.ends(100, 2, 2) => Two,
            Group::Slovenian => either(n.ends(100, 3, 4) || !n.is_whole(), Few),
            Group::Arabic if n.is(0) => Zero,
            Group::Arabic | Group::Irish | Group::Maltese | Group::Welsh if n.is(1) => One,
            Group::Arabic | Group::Irish | Group::Maltese | Group::Welsh if n.is(2) => Two,
            Group::Arabic if n.ends(100, 3, 10) => Few,
            Group::Arabic => either(n.ends(100, 11, 99), Many),
            Group::Irish if within(3, 6) => Few,
            Group::Irish => either(within(7, 10), Many),
            Group::Maltese if n.is(0) || n.ends(100, 3, 10) => Few,
            Group::Maltese => either(n.ends(100, 11, 19), Many),
            Group::Gaelic if n.is(1) || n.is(11) => One,
            Group::Gaelic if n.is(2) || n.is(12) => Two,
            Group::Gaelic => either(within(3, 10) || within(13, 19), Few),
            Group::Welsh if n.is(0) => Zero,
            Group::Welsh if n.is(3) => Few,
            Group::Welsh => either(n.is(6), Many),
        }
    }
}

fn either(is: bool, form: Plural) -> Plural {
    if is { form } else { Plural::Other }
}

/// 1, 21, 31, not 11.
fn one_slavic(number: u64, counts: bool) -> bool {
    counts && number % 10 == 1 && number % 100 != 11
}

/// 2 to 4, 22 to 24, not 12 to 14.
fn few_slavic(number: u64, counts: bool) -> bool {
    counts && (2..=4).contains(&(number % 10)) && !(12..=14).contains(&(number % 100))
}

fn latvian(n: Count) -> Plural {
    let last = match n.v {
        0 | 2 => {
            if n.v == 0 {
                n.i
            } else {
                n.f
            }
        }
        // Of other fractions the last digit alone counts.
        _ => return either(n.f % 10 == 1, Plural::One),
    };
    match (last % 10, last % 100) {
        (0, _) | (_, 11..=19) => Plural::Zero,
        (1, _) => Plural::One,
        _ => Plural::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `forms` says which numbers have which form, as `one 1 21, few 2`.
    #[track_caller]
    fn check(code: &str, forms: &str) {
        let rules = Rules::of(code);
        for part in forms.split(", ") {
            let (form, numbers) = part.split_once(' ').unwrap();
            let form = Plural::named(form).unwrap();
            assert!(rules.allowed().contains(&form), "{code} has no {form:?}");
            for number in numbers.split(' ') {
                let count = Count::any(number.parse().unwrap());
                assert_eq!(rules.form(count), form, "{number} in {code}");
            }
        }
    }

    /// The samples that CLDR gives with its rules.
    #[test]
    fn numbers_have_the_forms_of_their_language() {
        check("en", "one 1, other 0 2 16 100 1000000 0.5 1.5");
        check("en-GB", "one 1, other 0 2");
        check(
            "fr",
            "one 0 1 0.5 1.5, many 1000000 2000000, other 2 17 100 1000001 2.5",
        );
        check("fr-CA", "one 0 1, other 2");
        check("pt", "one 0 1 1.5, other 2");
        check("pt-PT", "one 1, other 0 1.5 2");
        check("de", "one 1, other 0 2 1.5");
        check("es", "one 1, many 1000000, other 0 2 1.5");
        check("it", "one 1, other 0 2");
        check("tr", "one 1, other 0 2");
        check("da", "one 1 0.1 1.6, other 0 2 2.5");
        check("hi", "one 0 1 0.5, other 2 1.5");
        check("ja", "other 0 1 2 1.5");
        check("zh-Hant", "other 0 1");
        check(
            "ru",
            "one 1 21 101, few 2 4 22 104, many 0 5 11 14 20 111 112, other 1.5 0.1",
        );
        check("uk", "one 1 21, few 3 23, many 5 12");
        check(
            "pl",
            "one 1, few 2 4 22 24 102, many 0 5 12 14 21 25 101 112, other 1.5",
        );
        check("cs", "one 1, few 2 4, many 1.5 0.1, other 0 5 22 100");
        check("sr", "one 1 21 0.1 1.1, few 2 22 0.2, other 0 5 11 12 0.5");
        check("sl", "one 1 101, two 2 102, few 3 4 103 1.5, other 0 5 100");
        check(
            "lt",
            "one 1 21, few 2 9 22, many 0.1 1.5, other 0 10 11 19 20 111",
        );
        check(
            "lv",
            "zero 0 10 11 19 20 111, one 1 21 0.1 1.1, other 2 9 22 0.2",
        );
        check("ro", "one 1, few 0 2 19 101 119 1.5, other 20 100 120");
        check("mk", "one 1 21 0.1, other 0 2 11");
        check("is", "one 1 21 0.1 1.1, other 0 2 11 0.2");
        check("he", "one 1 0.5, two 2, other 0 3 10 20 1.5");
        check(
            "ar",
            "zero 0, one 1, two 2, few 3 10 103, many 11 99 111, other 100 102 200 0.1",
        );
        check("ga", "one 1, two 2, few 3 6, many 7 10, other 0 11 25");
        check("gd", "one 1 11, two 2 12, few 3 10 13 19, other 0 20");
        check("cy", "zero 0, one 1, two 2, few 3, many 6, other 4 5 7 100");
        check(
            "mt",
            "one 1, two 2, few 0 3 10 103, many 11 19 111, other 20 101",
        );
        check("fil", "one 0 1 2 3 5 7 8 10, other 4 6 9 14 1.4");
    }

    #[test]
    fn a_language_that_is_not_known_has_two_forms() {
        assert!(!Rules::of("qq").is_known());
        assert!(Rules::of("PL").is_known());
        check("qq", "one 1, other 0 2 1.5");
    }

    #[test]
    fn every_form_that_numbers_have_is_allowed() {
        for (_, codes) in LANGUAGES {
            for code in codes.split(' ') {
                let rules = Rules::of(code);
                for tenths in 0..2500 {
                    let form = rules.form(Count::any(f64::from(tenths) / 10.0));
                    assert!(rules.allowed().contains(&form), "{code} {tenths}");
                    // What whole numbers have must be written.
                    if tenths % 10 == 0 {
                        assert!(rules.needed().contains(&form), "{code} {tenths}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_sign_and_the_size_of_a_number_do_no_harm() {
        assert_eq!(Rules::of("en").form(Count::whole(-1)), Plural::One);
        for number in [f64::NAN, f64::INFINITY, f64::MAX] {
            assert_eq!(Rules::of("en").form(Count::any(number)), Plural::Other);
        }
        assert_eq!(Count::json(&u64::MAX.into()), Count::whole(u64::MAX.into()));
    }
}
