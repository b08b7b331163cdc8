//! What OpenSSL calls the ciphers, curves and signatures that rustls has.

use rustls::crypto::SupportedKxGroup;
use rustls::crypto::ring::{cipher_suite as suite, kx_group};
use rustls::{SignatureScheme, SupportedCipherSuite};

use crate::options::InvalidOption;

/// OpenSSL's name, its aliases for the parts, and the suite, in the order in which they are offered.
const SUITES: [(&str, &[&str], SupportedCipherSuite); 9] = [
    ("TLS_AES_256_GCM_SHA384", &[], suite::TLS13_AES_256_GCM_SHA384),
    ("TLS_AES_128_GCM_SHA256", &[], suite::TLS13_AES_128_GCM_SHA256),
    ("TLS_CHACHA20_POLY1305_SHA256", &[], suite::TLS13_CHACHA20_POLY1305_SHA256),
    (
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        &["ECDSA", "aECDSA", "AES", "AES256", "AESGCM", "SHA384"],
        suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        &["ECDSA", "aECDSA", "AES", "AES128", "AESGCM", "SHA256"],
        suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        &["ECDSA", "aECDSA", "CHACHA20"],
        suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "ECDHE-RSA-AES256-GCM-SHA384",
        &["RSA", "aRSA", "AES", "AES256", "AESGCM", "SHA384"],
        suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-RSA-AES128-GCM-SHA256",
        &["RSA", "aRSA", "AES", "AES128", "AESGCM", "SHA256"],
        suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
    ("ECDHE-RSA-CHACHA20-POLY1305", &["RSA", "aRSA", "CHACHA20"], suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
];

/// Aliases of OpenSSL for all that rustls has of TLS 1.2.
const EVERYTHING: [&str; 10] =
    ["DEFAULT", "ALL", "HIGH", "ECDHE", "EECDH", "kEECDH", "kECDHE", "TLSv1.2", "FIPS", "COMPLEMENTOFDEFAULT"];

/// The suites that a cipher list of OpenSSL selects. As in Node, those of TLS 1.3 are all there unless the list names
/// any.
///
/// Errors: a suite that rustls does not have, an unknown word, or a list that selects nothing. What a list excludes may
/// be unknown: it is not there in any case.
pub fn suites(list: &str) -> Result<Vec<SupportedCipherSuite>, InvalidOption> {
    let mut selected: Vec<&str> = Vec::new();
    let mut killed: Vec<&str> = Vec::new();
    for word in list.split([':', ',', ';', ' ']).filter(|word| !word.is_empty()) {
        if word.starts_with('@') {
            // The strength and security levels of OpenSSL are below what rustls does at the least.
            continue;
        }
        let (sign, name) = word.split_at(word.len() - word.trim_start_matches(['!', '-', '+']).len());
        let named: Vec<&str> =
            SUITES.iter().filter(|row| is_named(name, row.0, row.1)).map(|(name, ..)| *name).collect();
        match sign {
            "" if named.is_empty() => {
                let known: Vec<&str> = SUITES.iter().map(|(name, ..)| *name).collect();
                return Err(InvalidOption::of_agent(
                    "ciphers",
                    format_args!("`{name}` is not available; there are {}", known.join(", ")),
                ));
            }
            "" => selected.extend(named.into_iter().filter(|name| !killed.contains(name)).collect::<Vec<_>>()),
            // Moves them to the end of the list.
            "+" => selected.sort_by_key(|name| named.contains(name)),
            "!" => {
                selected.retain(|name| !named.contains(name));
                killed.extend(named);
            }
            _ => selected.retain(|name| !named.contains(name)),
        }
    }
    if selected.is_empty() {
        return Err(InvalidOption::of_agent("ciphers", "selects no cipher"));
    }
    if !selected.iter().any(|name| is_of_13(name)) {
        selected.splice(0..0, SUITES.iter().map(|(name, ..)| *name).filter(|name| is_of_13(name)));
    }
    let mut suites: Vec<SupportedCipherSuite> = Vec::new();
    for name in selected {
        let suite = SUITES.iter().find(|row| row.0 == name).map(|row| row.2);
        suites.extend(suite.filter(|suite| !suites.contains(suite)));
    }
    Ok(suites)
}

/// The names of TLS 1.3 suites are of another kind.
fn is_of_13(name: &str) -> bool {
    name.starts_with("TLS_")
}

/// Whether a word of a cipher list is this suite, or a set that it belongs to; `EECDH+AESGCM` is the intersection of
/// two.
fn is_named(word: &str, name: &str, aliases: &[&str]) -> bool {
    if word.eq_ignore_ascii_case(name) {
        return true;
    }
    // The suites of TLS 1.3 are chosen by their names only.
    !aliases.is_empty() && word.split('+').all(|part| EVERYTHING.contains(&part) || aliases.contains(&part))
}

/// The curves of `ecdhCurve`: names of OpenSSL or NIST, with colons between them.
pub fn curves(list: &str) -> Result<Vec<&'static dyn SupportedKxGroup>, InvalidOption> {
    list.split(':')
        .map(|name| match name {
            "X25519" | "x25519" => Ok(kx_group::X25519),
            "P-256" | "prime256v1" | "secp256r1" => Ok(kx_group::SECP256R1),
            "P-384" | "secp384r1" => Ok(kx_group::SECP384R1),
            other => Err(InvalidOption::of_agent(
                "ecdhCurve",
                format_args!("`{other}` is not available; there are X25519, P-256, P-384"),
            )),
        })
        .collect()
}

/// The signatures of `sigalgs`: names of OpenSSL, with colons between them.
pub fn schemes(list: &str) -> Result<Vec<SignatureScheme>, InvalidOption> {
    list.split(':')
        .map(|name| {
            let scheme = match name.to_ascii_lowercase().as_str() {
                "ecdsa+sha256" | "ecdsa_secp256r1_sha256" => SignatureScheme::ECDSA_NISTP256_SHA256,
                "ecdsa+sha384" | "ecdsa_secp384r1_sha384" => SignatureScheme::ECDSA_NISTP384_SHA384,
                "ed25519" => SignatureScheme::ED25519,
                "rsa-pss+sha256" | "pss+sha256" | "rsa_pss_rsae_sha256" => SignatureScheme::RSA_PSS_SHA256,
                "rsa-pss+sha384" | "pss+sha384" | "rsa_pss_rsae_sha384" => SignatureScheme::RSA_PSS_SHA384,
                "rsa-pss+sha512" | "pss+sha512" | "rsa_pss_rsae_sha512" => SignatureScheme::RSA_PSS_SHA512,
                "rsa+sha256" | "rsa_pkcs1_sha256" => SignatureScheme::RSA_PKCS1_SHA256,
                "rsa+sha384" | "rsa_pkcs1_sha384" => SignatureScheme::RSA_PKCS1_SHA384,
                "rsa+sha512" | "rsa_pkcs1_sha512" => SignatureScheme::RSA_PKCS1_SHA512,
                _ => return Err(InvalidOption::of_agent("sigalgs", format_args!("`{name}` is not available"))),
            };
            Ok(scheme)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &str) -> Vec<&'static str> {
        let selected = suites(list).unwrap();
        selected.iter().map(|suite| SUITES.iter().find(|row| row.2 == *suite).unwrap().0).collect()
    }

    #[test]
    fn cipher_lists_of_openssl_select_suites_in_their_order() {
        assert_eq!(
            names("ECDHE-RSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256:ecdhe-rsa-aes256-gcm-sha384"),
            ["ECDHE-RSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256", "ECDHE-RSA-AES256-GCM-SHA384"]
        );
        let without_13 = |list| names(list).into_iter().filter(|name| !is_of_13(name)).collect::<Vec<_>>();
        assert_eq!(without_13("EECDH+AESGCM+ECDSA:!AES128"), ["ECDHE-ECDSA-AES256-GCM-SHA384"]);
        assert_eq!(without_13("HIGH:!aNULL:!MD5:-CHACHA20:@STRENGTH").len(), 4);
        assert_eq!(without_13("HIGH:+AES").last(), Some(&"ECDHE-RSA-AES128-GCM-SHA256"));
        assert_eq!(without_13("!CHACHA20:ALL").len(), 4);
        assert_eq!(names("HIGH").len(), 9);
        assert_eq!(names("TLS_AES_256_GCM_SHA384"), ["TLS_AES_256_GCM_SHA384"]);
    }

    #[test]
    fn what_rustls_does_not_have_is_refused_by_name() {
        for (list, named) in
            [("AES256-SHA", "AES256-SHA"), ("HIGH:RC4", "RC4"), ("HIGH:!ALL", "no cipher"), ("", "no cipher")]
        {
            let error = suites(list).unwrap_err().to_string();
            assert!(error.contains("`ciphers`") && error.contains(named), "{error}");
        }
        assert!(curves("X25519:P-521").err().unwrap().to_string().contains("`P-521`"));
        assert!(schemes("RSA+SHA1").unwrap_err().to_string().contains("`RSA+SHA1`"));
    }
}
