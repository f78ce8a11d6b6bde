//! The head of a request, as `entry/head.js` writes it: method, URL, and then of each header its name
//! in lower case and its value.

use portcullis_shared::{forwarded_for::FORWARDED_FOR, link};

use crate::{gate::Head, headers};

/// What is told of a request.
#[derive(Debug)]
pub struct Told<'a> {
    /// What the gate wants to know, but for what depends on the platform's word.
    pub head: Head,
    /// What Cloudflare calls the request, if that is fit for a header.
    pub ray: Option<&'a str>,
    /// `X-Forwarded-For`.
    pub forwarded_for: Option<&'a str>,
}

/// Reads a head; `None` when it is not one.
pub fn read(text: &str) -> Option<Told<'_>> {
    let mut lines = text.split('\n');
    let mut head = Head {
        method: lines.next()?.to_owned(),
        url: lines.next()?.to_owned(),
        ..Head::default()
    };
    let (mut ray, mut forwarded_for) = (None, None);
    for (name, value) in super::pairs(lines)? {
        let owned = || Some(value.to_owned());
        match name {
            "authorization" => head.authorization = owned(),
            "cookie" => head.cookie = owned(),
            "x-api-key" => head.api_key = owned(),
            "origin" => head.origin = owned(),
            "sec-fetch-site" => head.fetch_site = owned(),
            "referer" => head.refers_to_link = value.contains(link::PARAMETER),
            "access-control-request-method" => head.asked_method = owned(),
            "access-control-request-headers" => head.asked_headers = owned(),
            "cf-connecting-ip" => head.client_ip = owned(),
            "cf-ray" => ray = Some(value),
            FORWARDED_FOR => forwarded_for = Some(value),
            _ => {}
        }
        head.names.push(name.to_owned());
    }
    Some(Told {
        head,
        ray: ray.filter(|ray| ray.len() <= 64 && headers::value(ray).is_some()),
        forwarded_for,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_has_what_the_gate_asks_for_and_the_names_of_all_headers() {
        let text = "GET\nhttps://a.example/x?y\nauthorization\nBearer a.b.c\naccept\n\ncf-ray\n7";
        let Told { head, ray, .. } = read(text).unwrap();
        assert_eq!((head.method.as_str(), ray), ("GET", Some("7")));
        assert_eq!(head.url, "https://a.example/x?y");
        assert_eq!(head.authorization.as_deref(), Some("Bearer a.b.c"));
        assert_eq!(head.names, ["authorization", "accept", "cf-ray"]);
    }

    #[test]
    fn a_page_that_came_by_a_link_is_told_from_others() {
        for (referer, refers) in [
            ("https://a.example/x?w=1&portcullis_link=l", true),
            ("https://a.example/x?w=1", false),
        ] {
            let text = format!("GET\nhttp://a/\nreferer\n{referer}");
            assert_eq!(read(&text).unwrap().head.refers_to_link, refers);
        }
    }

    #[test]
    fn a_ray_that_is_unfit_for_a_header_is_none() {
        for ray in [String::new(), "a\tb".to_owned(), "7".repeat(65)] {
            let text = format!("GET\nhttp://a/\ncf-ray\n{ray}");
            assert_eq!(read(&text).unwrap().ray, None, "{ray:?}");
        }
    }

    #[test]
    fn half_a_head_is_none() {
        assert!(read("GET\nhttp://a/").is_some());
        for text in ["", "GET", "GET\nhttp://a/\naccept"] {
            assert!(read(text).is_none(), "{text:?}");
        }
    }
}
