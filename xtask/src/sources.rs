// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host's package sources, read from its apt configuration in both of its forms.

/// One stanza of package sources, as in a deb822 `.sources` file (see sources.list(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Mirror addresses.
    pub uris: String,
    /// Suites, such as `bookworm bookworm-updates`.
    pub suites: Vec<String>,
    /// Components, such as `main`.
    pub components: Vec<String>,
    /// Further fields as they stand: `Signed-By`, `Trusted`, `Architectures`.
    pub options: Vec<(String, String)>,
}

impl Source {
    /// The stanza as a `.sources` file has it.
    pub fn to_deb822(&self, types: &str) -> String {
        let mut text = format!(
            "Types: {types}\nURIs: {}\nSuites: {}\nComponents: {}\n",
            self.uris,
            self.suites.join(" "),
            self.components.join(" ")
        );
        for (name, value) in &self.options {
            text.extend([name, ": ", value, "\n"]);
        }
        text.push('\n');
        text
    }

    /// The same mirror's other suite.
    pub fn with_suite(&self, suite: &str) -> Self {
        Self { suites: vec![suite.to_owned()], ..self.clone() }
    }
}

/// Reads a `.sources` file; disabled stanzas and those without binary packages are left out.
pub fn parse_deb822(text: &str) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.lines().chain([""]) {
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() {
            sources.extend(from_fields(&std::mem::take(&mut fields)));
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push('\n');
                value.push_str(line);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    sources
}

fn from_fields(fields: &[(String, String)]) -> Option<Source> {
    let get = |wanted: &str| {
        fields
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.as_str())
    };
    let words = |wanted| {
        get(wanted).map(|value| value.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    };
    if get("Enabled").is_some_and(|value| value.eq_ignore_ascii_case("no"))
        || !words("Types")?.iter().any(|t| t == "deb")
    {
        return None;
    }
    let known = ["Types", "URIs", "Suites", "Components", "Enabled"];
    let options = fields
        .iter()
        .filter(|(name, _)| !known.iter().any(|known| known.eq_ignore_ascii_case(name)));
    Some(Source {
        uris: get("URIs")?.to_owned(),
        suites: words("Suites")?,
        components: words("Components").unwrap_or_default(),
        options: options.cloned().collect(),
    })
}

/// Reads a `.list` file: `deb [option=value ...] URI SUITE COMPONENT...`.
pub fn parse_list(text: &str) -> Vec<Source> {
    text.lines()
        .filter_map(|line| from_line(line.split('#').next().unwrap_or_default().trim()))
        .collect()
}

fn from_line(line: &str) -> Option<Source> {
    let rest = line.strip_prefix("deb")?;
    let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    let mut words = rest.split_whitespace().map(str::to_owned);
    let (uris, suite) = (words.next()?, words.next()?);
    let options = options.split_whitespace().filter_map(|option| option.split_once('=')).map(
        |(name, value)| {
            let name = match name {
                "signed-by" => "Signed-By",
                "arch" => "Architectures",
                "trusted" => "Trusted",
                other => other,
            };
            (name.to_owned(), value.replace(',', " "))
        },
    );
    Some(Source {
        uris,
        suites: vec![suite],
        options: options.collect(),
        components: words.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(suites: &[&str], components: &[&str], options: &[(&str, &str)]) -> Source {
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Source {
            uris: "http://mirror.example/debian".to_owned(),
            suites: owned(suites),
            components: owned(components),
            options: options
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        }
    }

    #[test]
    fn deb822_with_comments_a_key_and_a_disabled_stanza() {
        let text = "# comment\nTypes: deb deb-src\nURIs: http://mirror.example/debian\n# inside\n\
                    Suites: bookworm bookworm-updates\nComponents: main contrib\nSigned-By:\n -----BEGIN\n .\n x\n\n\n\
                    Types: deb\nEnabled: no\nURIs: http://other.example\nSuites: bookworm\n\n\
                    Types: deb-src\nURIs: http://other.example\nSuites: bookworm\nComponents: main\n";
        let expected = source(
            &["bookworm", "bookworm-updates"],
            &["main", "contrib"],
            &[("Signed-By", "\n -----BEGIN\n .\n x")],
        );
        let parsed = parse_deb822(text);
        assert_eq!(parsed, [expected]);
        assert_eq!(parse_deb822(&parsed[0].to_deb822("deb")), parsed);
    }

    #[test]
    fn one_line_form_with_and_without_options() {
        let text = "# deb http://no.example x main\ndeb-src http://mirror.example/debian bookworm main\n\
                    deb [arch=amd64,arm64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib # end\n\
                    deb http://mirror.example/debian bookworm-updates main\n";
        let options = [("Architectures", "amd64 arm64"), ("Signed-By", "/k.gpg")];
        assert_eq!(
            parse_list(text),
            [
                source(&["bookworm"], &["main", "contrib"], &options),
                source(&["bookworm-updates"], &["main"], &[])
            ]
        );
    }
}
