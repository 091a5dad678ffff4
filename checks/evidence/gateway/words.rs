//! The words of AWS's enumerations: known ones as variants, new ones kept as they are.

/// Declares an enumeration of AWS words with an `Other` for those not yet known. Read without regard to case, `-`
/// and `_` (ACM really answers `RSA-2048` where its model says `RSA_2048`: `facts/aws.md` section 7.1).
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $first:literal $(| $more:literal)*),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
            /// A word that this version does not know.
            Other(String),
        }

        impl $name {
            /// Reads AWS's word.
            pub fn of(word: &str) -> Self {
                $(if [$first $(, $more)*].iter().any(|known| $crate::evidence::gateway::words::same(known, word)) {
                    return $name::$variant;
                })+
                $name::Other(word.to_owned())
            }

            /// AWS's word.
            pub fn word(&self) -> &str {
                match self {
                    $($name::$variant => $first,)+
                    $name::Other(word) => word,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

/// Are these the same word, whatever their case, hyphens and underscores?
pub(super) fn same(a: &str, b: &str) -> bool {
    let folded = |word: &'_ str| -> Vec<u8> {
        word.bytes().filter(|c| !matches!(c, b'_' | b'-' | b' ')).map(|c| c.to_ascii_lowercase()).collect()
    };
    a.eq_ignore_ascii_case(b) || folded(a) == folded(b)
}

words! {
    /// How a custom domain or an API is reached.
    EndpointType {
        /// From its own region.
        Regional = "REGIONAL",
        /// Through Amazon's CloudFront distribution.
        Edge = "EDGE",
        /// From VPC endpoints only.
        Private = "PRIVATE",
    }
}

words! {
    /// State of a custom domain (`facts/aws.md` section 3.2).
    DomainStatus {
        /// In order.
        Available = "AVAILABLE",
        /// A change is on its way.
        Updating = "UPDATING",
        /// Being made.
        Pending = "PENDING",
        /// A re-imported certificate no longer covers the name.
        PendingCertificateReimport = "PENDING_CERTIFICATE_REIMPORT",
        /// The ownership certificate has expired.
        PendingOwnershipVerification = "PENDING_OWNERSHIP_VERIFICATION",
        /// Could not be made.
        Failed = "FAILED",
    }
}

words! {
    /// What leads from a path to an API (`facts/aws.md` section 3.5).
    RoutingMode {
        /// The API mappings alone: the default.
        Mappings = "API_MAPPING_ONLY" | "BASE_PATH_MAPPING_ONLY",
        /// The routing rules alone: mappings are ignored.
        Rules = "ROUTING_RULE_ONLY",
        /// The rules first, then the mappings.
        RulesThenMappings = "ROUTING_RULE_THEN_API_MAPPING" | "ROUTING_RULE_THEN_BASE_PATH_MAPPING",
    }
}

words! {
    /// Does a domain insist that SNI and Host agree (`facts/aws.md` section 3.3)?
    AccessMode {
        /// It does not.
        Basic = "BASIC",
        /// It does.
        Strict = "STRICT",
    }
}

words! {
    /// Kind of API.
    Protocol {
        /// HTTP API (v2).
        Http = "HTTP",
        /// WebSocket API (v2).
        WebSocket = "WEBSOCKET",
        /// REST API (v1).
        Rest = "REST",
    }
}

words! {
    /// State of a certificate in ACM.
    CertificateStatus {
        /// The name's ownership is not yet proved.
        PendingValidation = "PENDING_VALIDATION",
        /// In order.
        Issued = "ISSUED",
        /// Not usable at present.
        Inactive = "INACTIVE",
        /// Past its end.
        Expired = "EXPIRED",
        /// Ownership was not proved in 72 hours.
        ValidationTimedOut = "VALIDATION_TIMED_OUT",
        /// Revoked.
        Revoked = "REVOKED",
        /// Could not be issued.
        Failed = "FAILED",
    }
}

words! {
    /// Where a certificate comes from.
    CertificateKind {
        /// Somebody else's, brought by the user: never renewed by ACM.
        Imported = "IMPORTED",
        /// Amazon's own public authority.
        AmazonIssued = "AMAZON_ISSUED",
        /// A private authority.
        Private = "PRIVATE",
    }
}

words! {
    /// State of a renewal.
    RenewalStatus {
        /// ACM tries by itself.
        PendingAutoRenewal = "PENDING_AUTO_RENEWAL",
        /// ACM cannot see the validation record.
        PendingValidation = "PENDING_VALIDATION",
        /// Done.
        Success = "SUCCESS",
        /// Given up.
        Failed = "FAILED",
    }
}

words! {
    /// How ACM proves the ownership of a name.
    ValidationMethod {
        /// By a CNAME record.
        Dns = "DNS",
        /// By mail.
        Email = "EMAIL",
        /// By CloudFront over HTTP.
        Http = "HTTP",
    }
}

words! {
    /// Who may call a function URL or a route.
    Authorization {
        /// Everybody.
        None = "NONE",
        /// Signed requests.
        Iam = "AWS_IAM",
        /// A Lambda authorizer.
        Custom = "CUSTOM",
        /// A JSON web token.
        Jwt = "JWT",
        /// A Cognito user pool (REST).
        Cognito = "COGNITO_USER_POOLS",
    }
}

words! {
    /// What stands behind a route.
    IntegrationKind {
        /// An AWS service, with templates.
        Aws = "AWS",
        /// A function, or an AWS service, as it is.
        AwsProxy = "AWS_PROXY",
        /// An HTTP server, with templates.
        Http = "HTTP",
        /// An HTTP server as it is.
        HttpProxy = "HTTP_PROXY",
        /// An answer without a backend.
        Mock = "MOCK",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_and_unknown_words() {
        assert_eq!(RoutingMode::of("BASE_PATH_MAPPING_ONLY"), RoutingMode::Mappings);
        assert_eq!(RoutingMode::of("ROUTING_RULE_THEN_API_MAPPING"), RoutingMode::RulesThenMappings);
        assert_eq!(EndpointType::of("regional"), EndpointType::Regional);
        let new = DomainStatus::of("DREAMING");
        assert_eq!((new.word(), new.clone()), ("DREAMING", DomainStatus::Other("DREAMING".into())));
    }
}
