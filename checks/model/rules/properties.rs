//! Whatever the text, the parser ends with a tree or a place; and Kleene's laws.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::conformance::{cases, request};
use super::value::Kleene;
use super::*;

static SOURCES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let text = |case: &serde_json::Value| case["expression"].as_str().or(case["value"].as_str()).map(str::to_owned);
    cases().iter().filter_map(|(_, case)| text(case)).collect()
});

/// Reads it as condition and as value, and does with it all that can be done.
fn survives(source: &str, request: &Request) {
    match parse(source) {
        Ok(expression) => {
            let truth = expression.evaluate(request);
            assert_eq!(expression.evaluate(request), truth);
            assert_eq!(
                expression.blame(request).is_empty(),
                truth != Truth::False || expression.terms(request).is_empty()
            );
            assert!(!matches!(truth, Truth::Unknown(names) if names.is_empty()), "{source}");
            expression.hosts();
            expression.shown();
            expression.path_mention(request);
            expression.unknown_fields();
            assert_eq!(
                expression.speaks_of_host("www.example.com"),
                expression.host_mention("www.example.com").is_some()
            );
        }
        Err(error) => {
            assert!(source.get(error.at..error.at + error.length).is_some(), "{source:?}: {error:?}");
            assert!(error.caret(source).contains('^'));
        }
    }
    if let Ok(value) = parse_value(source) {
        value.evaluate(request);
        value.unknown_fields();
    }
}

fn kleene() -> impl Strategy<Value = Kleene> {
    prop_oneof![Just(Kleene::False), Just(Kleene::Unknown), Just(Kleene::True)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_read_or_refused(source in "\\PC{0,80}|[ -~\\n\\t]{0,120}") {
        survives(&source, &request(&serde_json::json!({"url": "https://www.example.com/a//b?x=1"})));
    }

    /// Words of the language in any order.
    #[test]
    fn any_words_are_read_or_refused(words in proptest::collection::vec(prop_oneof![
        Just("http.host"), Just("ssl"), Just("ip.src"), Just("cf.threat_score"), Just("http.request.headers"), Just("["),
        Just("]"), Just("*"), Just("\"a\""), Just("r#\"a\"#"), Just("("), Just(")"), Just("{"), Just("}"), Just("any("),
        Just("lower("), Just("concat("), Just("len("), Just(","), Just("eq"), Just("in"), Just("$a"), Just("wildcard"),
        Just("matches"), Just("contains"), Just("strict wildcard"), Just("and"), Just("or"), Just("xor"), Just("not"),
        Just("!"), Just("1"), Just("1..5"), Just("10.0.0.0/8"), Just("::1"), Just(" "), Just("true"), Just("x.y"),
    ], 0..24)) {
        survives(&words.concat(), &request(&serde_json::json!({"url": "https://www.example.com/"})));
    }

    /// Real expressions with something cut out, doubled or put in.
    #[test]
    fn a_damaged_expression_is_read_or_refused(
        which in 0_usize..1000, from in 0_usize..400, length in 0_usize..12, with in "\\PC{0,3}", doubled in any::<bool>(),
    ) {
        let characters: Vec<char> = SOURCES[which % SOURCES.len()].chars().collect();
        let from = from % (characters.len() + 1);
        let until = (from + length).min(characters.len());
        let mut damaged: String = characters[..from].iter().collect();
        damaged.push_str(&with);
        let rest = if doubled { from } else { until };
        damaged.extend(&characters[rest..]);
        survives(&damaged, &request(&serde_json::json!({"url": "http://a.example.com:8080/%7Ex?a=1&a=2"})));
    }

    #[test]
    fn kleenes_laws(a in kleene(), b in kleene(), c in kleene()) {
        prop_assert_eq!(a.and(b), b.and(a));
        prop_assert_eq!(a.or(b), b.or(a));
        prop_assert_eq!(a.xor(b), b.xor(a));
        prop_assert_eq!(!a.and(b), (!a).or(!b));
        prop_assert_eq!(a.and(b.or(c)), a.and(b).or(a.and(c)));
        prop_assert_eq!(a.and(a), a);
        prop_assert_eq!(!!a, a);
        prop_assert_eq!(a.and(Kleene::False), Kleene::False);
        prop_assert_eq!(a.or(Kleene::True), Kleene::True);
        prop_assert_eq!(a.xor(b), a.and(!b).or((!a).and(b)));
    }

    /// The same laws for whole conditions, with sides of every outcome.
    #[test]
    fn conditions_keep_the_laws(left in 0_usize..3, right in 0_usize..3) {
        let sides = ["ssl", "not ssl", "ip.src.country eq \"GB\""];
        let request = request(&serde_json::json!({"url": "https://www.example.com/"}));
        let outcome = |source: &str| parse(source).unwrap().evaluate(&request);
        let (a, b) = (sides[left], sides[right]);
        prop_assert_eq!(outcome(&format!("not ({a} and {b})")), outcome(&format!("(not ({a})) or (not ({b}))")));
        prop_assert_eq!(outcome(&format!("({a}) xor ({b})")), outcome(&format!("({a} or {b}) and not ({a} and {b})")));
        prop_assert_eq!(outcome(&format!("({a}) && ({b})")), outcome(&format!("{b} and {a}")));
    }
}

#[test]
fn depth_and_size_are_bounded() {
    let deep = |depth: usize| format!("{}ssl{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&deep(128)).is_ok());
    for source in
        [deep(129), deep(30_000), "!".repeat(60_000) + "ssl", "lower(".repeat(10_000), "any(not ".repeat(8_000)]
    {
        let error = parse(&source).unwrap_err();
        assert!(error.message.contains("deep"), "{error}");
    }
    let long = vec!["ssl"; 9_000].join(" or ");
    assert_eq!(
        parse(&long).unwrap().evaluate(&request(&serde_json::json!({"url": "https://a.example.com/"}))),
        Truth::True
    );
    assert!(parse(&vec!["ssl"; 10_000].join(" or ")).unwrap_err().message.contains("octets"));
    let heavy = parse("http.host matches \"(a{1,1000}){1,1000}\" and not ssl").unwrap();
    assert_eq!(heavy.evaluate(&request(&serde_json::json!({"url": "https://a.example.com/"}))), Truth::False);
}
