//! Certificates that are not what they seem.

use crate::evidence::tls::Certificate;
use crate::model::origin_host::{OriginClass, classify};

/// A service's own certificate, for its own names: it says that the service does not know the name asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceCertificate {
    /// The service.
    pub class: OriginClass,
    /// The region in the name, if the name has one.
    pub region: Option<String>,
    /// The entry that tells, `*.execute-api.us-west-2.amazonaws.com`.
    pub pattern: String,
}

/// Is this the default certificate of an AWS service (`facts/aws.md` section 1.2, column "certificate")?
///
/// Nobody else gets a certificate for names below these suffixes, so one entry is enough.
pub fn service_certificate(leaf: &Certificate) -> Option<ServiceCertificate> {
    leaf.names.iter().chain(leaf.common_name.as_ref().filter(|_| leaf.names.is_empty())).find_map(|pattern| {
        // A label of the form that every service uses for its own ids.
        let host = pattern.strip_prefix("*.").map_or_else(|| pattern.clone(), |rest| format!("d0000000000000.{rest}"));
        let found = classify(&host.to_ascii_lowercase());
        let tells = matches!(
            found.class,
            OriginClass::GatewayDefault
                | OriginClass::GatewayCustomTarget
                | OriginClass::FunctionUrl
                | OriginClass::CloudFront
                | OriginClass::S3Rest
                | OriginClass::AppRunner
                | OriginClass::Amplify
                | OriginClass::AppSync
        );
        tells.then(|| ServiceCertificate { class: found.class, region: found.region, pattern: pattern.clone() })
    })
}

/// A certificate of SSL/TLS → Client Certificates, put on the origin by mistake for one of Origin Server: common name
/// `Cloudflare` and no names (`facts/cloudflare.md` section 5 and gotcha 54).
pub fn is_cloudflare_client_certificate(leaf: &Certificate) -> bool {
    let named = leaf.common_name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("cloudflare"));
    named && leaf.names.is_empty() && leaf.addresses.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Certificate {
        Certificate { names: names.iter().map(|name| (*name).to_owned()).collect(), ..Certificate::default() }
    }

    #[test]
    fn knows_the_services_own_certificates() {
        use OriginClass::*;
        for (name, class, region) in [
            ("*.execute-api.us-west-2.amazonaws.com", GatewayDefault, Some("us-west-2")),
            ("*.execute-api.cn-north-1.amazonaws.com.cn", GatewayDefault, Some("cn-north-1")),
            ("*.lambda-url.eu-west-1.on.aws", FunctionUrl, Some("eu-west-1")),
            ("*.cloudfront.net", CloudFront, None),
            ("*.s3.us-west-2.amazonaws.com", S3Rest, Some("us-west-2")),
            ("*.us-east-1.awsapprunner.com", AppRunner, Some("us-east-1")),
        ] {
            let found = service_certificate(&named(&["unrelated.invalid", name])).unwrap();
            assert_eq!((found.class, found.region.as_deref()), (class, region), "{name}");
            assert_eq!(found.pattern, name);
        }
        for name in ["api.example.com", "*.example.com", "*.amazonaws.com.example.com", "my-lb.example.net"] {
            assert_eq!(service_certificate(&named(&[name])), None, "{name}");
        }
    }

    #[test]
    fn knows_a_client_certificate_in_a_servers_place() {
        let client = Certificate { common_name: Some("Cloudflare".into()), ..Certificate::default() };
        assert!(is_cloudflare_client_certificate(&client));
        let origin_ca = Certificate {
            common_name: Some("CloudFlare Origin Certificate".into()),
            names: vec!["example.com".into()],
            ..Certificate::default()
        };
        assert!(!is_cloudflare_client_certificate(&origin_ca));
    }
}
