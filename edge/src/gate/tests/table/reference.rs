//! The rule of a request, found in the most naive way: every path that a rule covers is tried, the
//! longest wins.

/// Beginnings of the names that no client sends to an upstream.
pub(super) const RESERVED: [&str; 9] = [
    "portcullis-",
    "x-forwarded",
    "forwarded",
    "x-real-ip",
    "x-original-",
    "x-rewrite-",
    "x-http-method",
    "x-method-override",
    "remote-user",
];

/// A rule as it stands in the file.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) host: &'static str,
    pub(super) path: String,
    /// All, when there are none.
    pub(super) methods: Option<Vec<&'static str>>,
    pub(super) access: &'static str,
}

/// What is to become of a request, as far as the table goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// By this rule.
    Rule(usize),
    /// To the origin, whatever the table says.
    BuiltIn,
    /// The path has rules, but none for the method.
    Method,
    /// No rule names the path.
    NotFound,
    /// The path can be read in two ways.
    Ambiguous,
}

impl Choice {
    /// What the log of a test calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rule(_) => "a rule",
            Self::BuiltIn => "built in",
            Self::Method => "method not allowed",
            Self::NotFound => "not found",
            Self::Ambiguous => "ambiguous",
        }
    }
}

/// Where a rule leads.
pub(super) fn address(number: usize) -> String {
    format!("http://u{number}.internal:9000")
}

/// The file.
pub(super) fn text(rules: &[Written]) -> String {
    let rule = |(number, rule): (usize, &Written)| {
        let Written {
            host, path, access, ..
        } = rule;
        let methods = rule.methods.as_ref();
        let methods = methods.map(|names| format!("methods = {names:?}\n"));
        let audience = (*access != "public").then_some("audience = \"api\"\n");
        format!(
            "[[route]]\nhost = \"{host}\"\npath = \"{path}\"\nupstream = \"u{number}\"\n\
             access = \"{access}\"\n{}{}",
            methods.unwrap_or_default(),
            audience.unwrap_or_default()
        )
    };
    rules.iter().enumerate().map(rule).collect()
}

/// What follows the host in a URL.
pub(super) fn target(url: &str) -> &str {
    let rest = url.split_once("://").unwrap().1;
    &rest[rest.find('/').unwrap()..]
}

/// Chooses.
pub(super) fn choose(rules: &[Written], method: &str, url: &str) -> Choice {
    let path = target(url).split('?').next().unwrap();
    let authority = url.split('/').nth(2).unwrap();
    let host = authority.split(':').next().unwrap().to_lowercase();
    let host = host.trim_end_matches('.');
    if is_ambiguous(path) {
        return Choice::Ambiguous;
    }
    if ["TRACE", "TRACK", "CONNECT"].contains(&method) {
        return Choice::Method;
    }
    if path.starts_with("/auth/") {
        return Choice::BuiltIn;
    }
    let segments = segments(path);
    // From the most to the least that a pattern can say about a path: of as many letters, the
    // exact path comes before the one with a star, and the named host before any host.
    let mut best: Option<((usize, bool, bool), &str, &str)> = None;
    for rule in rules {
        let (own, star) = match rule.path.strip_suffix("/*") {
            Some(own) => (own, true),
            None => (rule.path.as_str(), false),
        };
        let own_segments: Vec<String> = self::segments(own);
        let covers = if star {
            segments.starts_with(&own_segments)
        } else {
            segments == own_segments
        };
        if (rule.host == "*" || rule.host == host) && covers {
            let letters = own_segments.iter().map(|segment| segment.len() + 1).sum();
            let rank = (letters, !star, rule.host != "*");
            if best.is_none_or(|(other, _, _)| rank > other) {
                best = Some((rank, rule.host, &rule.path));
            }
        }
    }
    let Some((_, host, pattern)) = best else {
        return Choice::NotFound;
    };
    // Another letter case or another slash at the end is another path, and leads nowhere.
    let to_the_letter = match pattern.strip_suffix("/*") {
        Some(stem) => path == stem || path.starts_with(&format!("{stem}/")),
        None => path == pattern,
    };
    if !to_the_letter {
        return Choice::NotFound;
    }
    let wanted = if method == "HEAD" { "GET" } else { method };
    let found = rules.iter().position(|rule| {
        let takes = rule
            .methods
            .as_ref()
            .is_none_or(|names| names.contains(&wanted));
        rule.host == host && rule.path == pattern && takes
    });
    found.map_or(Choice::Method, Choice::Rule)
}

/// The segments as a lenient server compares them: without letter case and a slash at the end.
fn segments(path: &str) -> Vec<String> {
    let path = path.strip_suffix('/').unwrap_or(path).to_lowercase();
    path.split('/').skip(1).map(str::to_owned).collect()
}

/// Whether the path has something in it that the generator knows to be ambiguous.
fn is_ambiguous(path: &str) -> bool {
    let inner = path.strip_suffix('/').unwrap_or(path);
    let odd = ["%2e", "%2F", ";", "%41", "\\", " ", "é"];
    let mut segments = inner.split('/').skip(1);
    odd.iter().any(|part| path.contains(part))
        || segments.any(|segment| ["", ".", ".."].contains(&segment))
}
