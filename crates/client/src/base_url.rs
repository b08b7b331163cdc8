//! Where the service is: `https://api.layer.com` unless the caller says otherwise.

use std::fmt;

use http::Uri;

/// The address of the hosted service, for which the original was made.
pub const DEFAULT: &str = "https://api.layer.com";

/// A parsed `baseUrl`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// TLS or not.
    pub is_secure: bool,
    /// Name or address to connect to; an IPv6 address has no brackets here.
    pub host: String,
    /// TCP port; 443 or 80 where the URL has none.
    pub port: u16,
    /// Path before `/apps`, without a slash at its end; mostly empty.
    pub prefix: String,
}

/// Why a `baseUrl` was refused. The text names the rule that was broken, never the URL: it may hold a password.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidBaseUrl(&'static str);

impl fmt::Display for InvalidBaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`baseUrl` (or LAYER_API_URL) {}, for example {DEFAULT} or http://localhost:8080/layer", self.0)
    }
}

impl std::error::Error for InvalidBaseUrl {}

impl BaseUrl {
    /// Parses `http(s)://host[:port][/prefix]`.
    ///
    /// Errors: another scheme, a user name or password, a query, a fragment, or text that is no URL.
    pub fn parse(text: &str) -> Result<Self, InvalidBaseUrl> {
        if text.contains('#') {
            return Err(InvalidBaseUrl("must not have a fragment"));
        }
        let uri: Uri = text.parse().map_err(|_| InvalidBaseUrl("must be a URL"))?;
        let is_secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(InvalidBaseUrl("must begin with http:// or https://")),
        };
        let authority = uri.authority().ok_or(InvalidBaseUrl("must have a host"))?;
        if authority.as_str().contains('@') {
            return Err(InvalidBaseUrl("must not hold a user name or password"));
        }
        if uri.query().is_some() {
            return Err(InvalidBaseUrl("must not have a query"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(InvalidBaseUrl("must have a host"));
        }
        // `host:` and `host:70000` parse as an authority without a port.
        if authority.port_u16().is_none() && authority.as_str().len() != authority.host().len() {
            return Err(InvalidBaseUrl("must have a port between 1 and 65535 after the colon"));
        }
        let port = authority.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        Ok(Self { is_secure, host, port, prefix: uri.path().trim_end_matches('/').to_owned() })
    }

    /// Scheme, host and port, without the prefix.
    pub fn service(&self) -> String {
        format!("{}://{}", if self.is_secure { "https" } else { "http" }, self.host_header())
    }

    /// Value of the `Host` header: the port is left out where it is the scheme's own, as Node does.
    pub fn host_header(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.is_secure, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::BaseUrl;

    #[test]
    fn scheme_host_port_and_prefix_are_told_apart() {
        let cases = [
            ("https://api.layer.com", true, "api.layer.com", 443, "", "api.layer.com"),
            ("http://localhost/", false, "localhost", 80, "", "localhost"),
            ("http://127.0.0.1:8080/a/b/", false, "127.0.0.1", 8080, "/a/b", "127.0.0.1:8080"),
            ("https://[::1]:8443", true, "::1", 8443, "", "[::1]:8443"),
            ("HTTPS://Layer.test:443", true, "Layer.test", 443, "", "Layer.test"),
        ];
        for (text, is_secure, host, port, prefix, header) in cases {
            let url = BaseUrl::parse(text).unwrap();
            assert_eq!(
                (url.is_secure, url.host.as_str(), url.port, url.prefix.as_str()),
                (is_secure, host, port, prefix)
            );
            assert_eq!(url.host_header(), header);
        }
    }

    #[test]
    fn what_cannot_be_honoured_is_refused_and_never_quoted() {
        for text in [
            "",
            "api.layer.com",
            "/x",
            "ftp://x",
            "https://",
            "https://u:secret@x",
            "https://x?secret",
            "https://x#secret",
            "https://x y",
            "http://x:",
            "http://x:70000",
        ] {
            let error = BaseUrl::parse(text).unwrap_err().to_string();
            assert!(error.contains("baseUrl"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
