//! Ids as callers pass them: bare, or with any prefix that ends in a slash.

/// The UUID at the end of `id`, or `None` where there is none.
///
/// Everything up to the last slash is dropped, so `layer:///conversations/UUID`, a URL and the bare UUID all do. The
/// case of the digits is kept and no version is required: ids of 2014 are version 1, ours are version 7.
/// Source: the original's behaviour; contract 1.1 for the spellings of an app id.
pub fn uuid_of(id: &str) -> Option<&str> {
    let tail = id.rsplit('/').next()?;
    is_uuid(tail).then_some(tail)
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::uuid_of;

    const UUID: &str = "e4fd3974-20fe-11e5-89c5-080725007e28";

    #[test]
    fn the_uuid_is_what_follows_the_last_slash() {
        for prefix in ["", "/", "layer:///conversations/", "https://api.layer.com/apps/"] {
            assert_eq!(uuid_of(&format!("{prefix}{UUID}")), Some(UUID), "{prefix}");
        }
        assert_eq!(uuid_of(&UUID.to_uppercase()), Some(UUID.to_uppercase().as_str()));
    }

    #[test]
    fn anything_else_is_refused() {
        let wrong = [
            String::new(),
            "x".into(),
            UUID[1..].into(),
            format!("{UUID}/"),
            format!("{UUID}\n"),
            format!(" {UUID}"),
            UUID.replace('-', "0"),
            UUID.replace('e', "g"),
            format!("é{}", &UUID[2..]),
        ];
        for id in wrong {
            assert_eq!(uuid_of(&id), None, "{id:?}");
        }
    }
}
