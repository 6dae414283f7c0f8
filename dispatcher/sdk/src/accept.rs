//! What `Accept` says about JSON (RFC 9110, 12.5.1).

/// Whether JSON is rated above HTML. Where the client does not care, it gets the page.
pub fn prefers_json(accept: &str) -> bool {
    let json = accept
        .split(',')
        .filter_map(|range| rating(range, is_json))
        .max();
    let html = accept
        .split(',')
        .filter_map(|range| rating(range, is_html))
        .max();
    json.unwrap_or(0) > html.unwrap_or(0)
}

/// The range's quality in thousandths, if it is one of those.
fn rating(range: &str, is: fn(&str) -> bool) -> Option<u32> {
    let mut parts = range.split(';').map(str::trim);
    let media_type = parts.next()?.to_ascii_lowercase();
    if !is(&media_type) {
        return None;
    }
    let quality = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
    let quality = quality
        .and_then(|text| text.trim().parse::<f32>().ok())
        .unwrap_or(1.0);
    Some((quality.clamp(0.0, 1.0) * 1000.0) as u32)
}

fn is_json(media_type: &str) -> bool {
    media_type == "application/json"
        || media_type.starts_with("application/") && media_type.ends_with("+json")
}

fn is_html(media_type: &str) -> bool {
    matches!(
        media_type,
        "text/html" | "application/xhtml+xml" | "text/*" | "*/*"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_preferred_only_where_the_client_says_so() {
        let cases = [
            ("application/json", true),
            ("application/problem+json", true),
            ("application/json, text/plain, */*;q=0.1", true),
            ("text/html;q=0.8, application/json", true),
            ("text/html, application/json;q=0.9", false),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                false,
            ),
            ("application/json;q=0", false),
            ("application/json, */*", false),
            ("*/*", false),
            ("", false),
            (";;q=,", false),
        ];
        for (accept, expected) in cases {
            assert_eq!(prefers_json(accept), expected, "{accept}");
        }
    }
}
