//! What kind of box an origin's name stands for, and in which region (`facts/aws.md` section 1).

use std::rc::Rc;
use std::sync::LazyLock;

use regex::Regex;

use crate::evidence::Evidence;

/// A class of origin host names (`facts/aws.md` section 1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginClass {
    /// `d-….execute-api.REGION…`: the target of a regional custom domain.
    GatewayCustomTarget,
    /// `{api-id}.execute-api.REGION…`: an API's default endpoint.
    GatewayDefault,
    /// A private API's alias at a VPC endpoint.
    GatewayPrivateAlias,
    /// A VPC endpoint's own name.
    GatewayVpcEndpoint,
    /// A Lambda function URL.
    FunctionUrl,
    /// A CloudFront distribution; also the target of an edge-optimised custom domain.
    CloudFront,
    /// Application or classic load balancer.
    LoadBalancer,
    /// Network or gateway load balancer.
    NetworkLoadBalancer,
    /// An S3 website endpoint: HTTP only.
    S3Website,
    /// An S3 REST endpoint.
    S3Rest,
    /// App Runner.
    AppRunner,
    /// Amplify Hosting.
    Amplify,
    /// Elastic Beanstalk.
    Beanstalk,
    /// AppSync.
    AppSync,
    /// Global Accelerator.
    GlobalAccelerator,
    /// An EC2 instance's public name.
    Ec2,
    /// A Lightsail container service.
    Lightsail,
    /// Nothing that we know: another cloud, the user's own name, an address.
    Unknown,
}

/// A classified host name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginHost {
    /// The class.
    pub class: OriginClass,
    /// The region in the name, if the name has one.
    pub region: Option<String>,
    /// The id in the name (API, distribution, bucket …), if the class has one.
    pub id: Option<String>,
}

const REGION: &str = r"(?P<region>[a-z]{2,4}(?:-[a-z]{2,4})?-[a-z]+-[0-9]+)";
const SUFFIX: &str = r"(?P<suffix>amazonaws\.com(?:\.cn)?|amazonaws\.eu|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)";

/// The table of section 1.1, in its order; `R` and `S` stand for region and suffix.
const CLASSES: &[(OriginClass, &str)] = &[
    (OriginClass::GatewayCustomTarget, r"^d-(?P<id>[a-z0-9]+)\.execute-api\.R\.S$"),
    (OriginClass::GatewayDefault, r"^(?P<id>[a-z0-9]+)\.execute-api\.R\.S$"),
    (OriginClass::GatewayPrivateAlias, r"^(?P<id>[a-z0-9]+)-(?P<vpce>vpce-[0-9a-f]+)\.execute-api\.R\.S$"),
    (OriginClass::GatewayVpcEndpoint, r"^(?P<id>vpce-[0-9a-z-]+)\.execute-api\.R\.vpce\.S$"),
    (
        OriginClass::FunctionUrl,
        r"^(?P<id>[a-z0-9]+)\.lambda-url\.R\.on\.(?:aws|amazonwebservices\.com\.cn|amazonwebservices\.eu)$",
    ),
    (OriginClass::CloudFront, r"^(?P<id>d[a-z0-9]{10,})\.cloudfront\.(?:net|cn)$"),
    (OriginClass::LoadBalancer, r"^(?:dualstack\.)?(?P<id>(?:internal-)?[a-z0-9-]+)-(?P<num>[0-9]+)\.R\.elb\.S$"),
    (OriginClass::NetworkLoadBalancer, r"^(?:dualstack\.)?(?P<id>[a-z0-9-]+)-(?P<hash>[0-9a-f]{16})\.elb\.R\.S$"),
    (OriginClass::S3Website, r"^(?P<id>[a-z0-9][a-z0-9.-]*)\.s3-website(?:[.-]|\.dualstack\.)R\.S$"),
    (OriginClass::S3Rest, r"^(?P<id>[a-z0-9][a-z0-9._-]*)\.s3(?:-fips|-accelerate)?(?:\.dualstack)?(?:[.-]R)?\.S$"),
    (OriginClass::AppRunner, r"^(?P<id>[a-z0-9]+)\.R\.awsapprunner\.com$"),
    (OriginClass::Amplify, r"^(?:(?P<branch>[a-z0-9-]+)\.)?(?P<id>d[a-z0-9]{10,})\.amplifyapp\.com$"),
    (
        OriginClass::Beanstalk,
        r"^(?P<id>[a-z0-9-]+)(?:\.(?P<eba>eba-[a-z0-9]+))?(?:\.R)?\.(?:elasticbeanstalk\.com|eb\.amazonaws\.com\.cn)$",
    ),
    (OriginClass::AppSync, r"^(?P<id>[a-z0-9]+)\.appsync-(?:realtime-)?api\.R\.S$"),
    (OriginClass::GlobalAccelerator, r"^(?P<id>a[0-9a-f]+)(?:\.dualstack)?\.awsglobalaccelerator\.com$"),
    (OriginClass::Ec2, r"^ec2-(?P<id>[0-9]+(?:-[0-9]+){3})\.(?:compute-1|R\.compute)\.S$"),
    (OriginClass::Lightsail, r"^(?P<id>[a-z0-9.-]+)\.R\.cs\.amazonlightsail\.com$"),
];

static COMPILED: LazyLock<Vec<(OriginClass, Regex)>> = LazyLock::new(|| {
    CLASSES
        .iter()
        .filter_map(|(class, pattern)| {
            let pattern =
                pattern.replace(r"R\.S$", &format!(r"{REGION}\.{SUFFIX}$")).replace(r"\.S$", &format!(r"\.{SUFFIX}$"));
            let pattern =
                pattern.replace(r"\.R\.", &format!(r"\.{REGION}\.")).replace(r"[.-]R", &format!("[.-]{REGION}"));
            let pattern = pattern.replace(r"|R\.", &format!(r"|{REGION}\.")).replace(r"\.R)", &format!(r"\.{REGION})"));
            let pattern = pattern.replace(r"\.dualstack\.)R", &format!(r"\.dualstack\.){REGION}"));
            Some((*class, Regex::new(&pattern).ok()?))
        })
        .collect()
});

/// A row of `facts/aws-regions.csv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// `us-west-2`.
    pub name: &'static str,
    /// `aws`, `aws-cn`, …
    pub partition: &'static str,
    /// `US West (Oregon)`.
    pub description: &'static str,
    /// Is API Gateway known to be there?
    pub has_gateway: bool,
}

/// Every region of `facts/aws-regions.csv`.
pub fn regions() -> impl Iterator<Item = Region> {
    include_str!("../data/aws-regions.csv").lines().skip(1).filter_map(|line| {
        let mut fields = line.split(',');
        let (name, partition, description) = (fields.next()?, fields.next()?, fields.next()?);
        Some(Region { name, partition, description, has_gateway: fields.nth(2) == Some("yes") })
    })
}

/// The region with this name.
pub fn region(name: &str) -> Option<Region> {
    regions().find(|region| region.name == name)
}

impl Evidence {
    /// What the origin's name stands for; `None`: the origin is not known.
    pub(crate) fn origin_kind(&self) -> Option<Rc<OriginHost>> {
        self.once(|evidence| evidence.target.origin.as_ref().map(|origin| Rc::new(classify(&origin.host))))
    }

    /// The class of the origin's name; [`OriginClass::Unknown`] where there is no name.
    pub(crate) fn origin_class(&self) -> OriginClass {
        self.origin_kind().map_or(OriginClass::Unknown, |origin| origin.class)
    }
}

/// Classifies a host name (lower case, no trailing dot).
pub fn classify(host: &str) -> OriginHost {
    for (class, pattern) in COMPILED.iter() {
        if let Some(found) = pattern.captures(host) {
            return OriginHost {
                class: *class,
                region: found
                    .name("region")
                    .map(|region| region.as_str().to_owned())
                    .or_else(|| (*class == OriginClass::Ec2).then(|| "us-east-1".to_owned())),
                id: found.name("id").map(|id| id.as_str().to_owned()),
            };
        }
    }
    OriginHost { class: OriginClass::Unknown, region: None, id: None }
}

impl OriginClass {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            OriginClass::GatewayCustomTarget => "API Gateway custom domain target",
            OriginClass::GatewayDefault => "API Gateway default endpoint",
            OriginClass::GatewayPrivateAlias => "private API Gateway alias",
            OriginClass::GatewayVpcEndpoint => "API Gateway VPC endpoint",
            OriginClass::FunctionUrl => "Lambda function URL",
            OriginClass::CloudFront => "CloudFront distribution",
            OriginClass::LoadBalancer => "load balancer (ALB or classic)",
            OriginClass::NetworkLoadBalancer => "network load balancer",
            OriginClass::S3Website => "S3 website endpoint",
            OriginClass::S3Rest => "S3 REST endpoint",
            OriginClass::AppRunner => "App Runner service",
            OriginClass::Amplify => "Amplify app",
            OriginClass::Beanstalk => "Elastic Beanstalk environment",
            OriginClass::AppSync => "AppSync API",
            OriginClass::GlobalAccelerator => "Global Accelerator",
            OriginClass::Ec2 => "EC2 instance",
            OriginClass::Lightsail => "Lightsail container service",
            OriginClass::Unknown => "host of a kind not known to us",
        }
    }

    /// One of them, with its article.
    pub fn one(self) -> String {
        let name = self.name();
        // "S3" begins with a vowel when it is spoken.
        let article = match self {
            OriginClass::S3Website | OriginClass::S3Rest => "an",
            _ if name.starts_with(['A', 'E']) => "an",
            OriginClass::GlobalAccelerator => "",
            _ => "a",
        };
        format!("{article} {name}").trim_start().to_owned()
    }

    /// Does it answer only for names that it knows itself, so that a visitor's name needs a Host override or a Worker
    /// (`facts/aws.md` section 1.2, "foreign Host accepted?")?
    pub fn refuses_foreign_host(self) -> bool {
        matches!(
            self,
            OriginClass::GatewayDefault
                | OriginClass::FunctionUrl
                | OriginClass::AppRunner
                | OriginClass::Amplify
                | OriginClass::AppSync
        )
    }

    /// Does it have no HTTPS at all (`facts/aws.md` section 1.2)?
    pub fn is_http_only(self) -> bool {
        self == OriginClass::S3Website
    }

    /// Does it listen on 443 and refuse port 80 (`facts/aws.md` section 1.2)?
    pub fn is_https_only(self) -> bool {
        matches!(self, OriginClass::GatewayCustomTarget | OriginClass::GatewayDefault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(COMPILED.len(), CLASSES.len());
    }

    #[test]
    fn classifies() {
        use OriginClass::*;
        for (host, class, region) in [
            ("d-abc123def4.execute-api.us-west-2.amazonaws.com", GatewayCustomTarget, Some("us-west-2")),
            ("d-abc123def4.execute-api.cn-north-1.amazonaws.com.cn", GatewayCustomTarget, Some("cn-north-1")),
            ("d-abc123def4.execute-api.us-gov-west-1.amazonaws.com", GatewayCustomTarget, Some("us-gov-west-1")),
            ("d-abc123def4.execute-api.eusc-de-east-1.amazonaws.eu", GatewayCustomTarget, Some("eusc-de-east-1")),
            ("dabc123def.execute-api.eu-central-1.amazonaws.com", GatewayDefault, Some("eu-central-1")),
            ("abc123def4-vpce-0123abcd.execute-api.us-east-1.amazonaws.com", GatewayPrivateAlias, Some("us-east-1")),
            ("vpce-0123-ab.execute-api.us-east-1.vpce.amazonaws.com", GatewayVpcEndpoint, Some("us-east-1")),
            ("abcdefghijklmnopqrstuvwxyz012345.lambda-url.us-east-1.on.aws", FunctionUrl, Some("us-east-1")),
            ("d111111abcdef8.cloudfront.net", CloudFront, None),
            ("my-lb-1234567890.us-east-2.elb.amazonaws.com", LoadBalancer, Some("us-east-2")),
            ("dualstack.internal-my-lb-123.us-east-2.elb.amazonaws.com", LoadBalancer, Some("us-east-2")),
            ("net-0123456789abcdef.elb.us-east-2.amazonaws.com", NetworkLoadBalancer, Some("us-east-2")),
            ("www.example.com.s3-website-us-west-2.amazonaws.com", S3Website, Some("us-west-2")),
            ("www.example.com.s3-website.eu-central-1.amazonaws.com", S3Website, Some("eu-central-1")),
            ("b.s3-website.dualstack.us-west-2.amazonaws.com", S3Website, Some("us-west-2")),
            ("bucket.s3.us-west-2.amazonaws.com", S3Rest, Some("us-west-2")),
            ("bucket.s3-us-west-2.amazonaws.com", S3Rest, Some("us-west-2")),
            ("bucket.s3.amazonaws.com", S3Rest, None),
            ("bucket.s3.dualstack.eu-west-1.amazonaws.com", S3Rest, Some("eu-west-1")),
            ("bucket.s3-accelerate.amazonaws.com", S3Rest, None),
            ("abc123.us-east-1.awsapprunner.com", AppRunner, Some("us-east-1")),
            ("main.d1abcdefghij.amplifyapp.com", Amplify, None),
            ("env.eba-abc123.us-east-1.elasticbeanstalk.com", Beanstalk, Some("us-east-1")),
            ("env.elasticbeanstalk.com", Beanstalk, None),
            ("abc.appsync-api.us-east-1.amazonaws.com", AppSync, Some("us-east-1")),
            ("a1234567890abcdef.awsglobalaccelerator.com", GlobalAccelerator, None),
            ("ec2-192-0-2-1.compute-1.amazonaws.com", Ec2, Some("us-east-1")),
            ("ec2-192-0-2-1.eu-west-1.compute.amazonaws.com", Ec2, Some("eu-west-1")),
            ("svc.abc.us-east-1.cs.amazonlightsail.com", Lightsail, Some("us-east-1")),
            ("origin.example.net", Unknown, None),
            ("x.azurewebsites.net", Unknown, None),
            ("execute-api.us-east-1.amazonaws.com", Unknown, None),
        ] {
            let found = classify(host);
            assert_eq!((found.class, found.region.as_deref()), (class, region), "{host}");
        }
    }

    #[test]
    fn knows_regions() {
        assert_eq!(regions().count(), 48);
        assert_eq!(region("us-west-2").map(|r| r.description), Some("US West (Oregon)"));
        assert_eq!(region("us-west-9"), None);
        assert_eq!(region("us-west-2").map(|r| r.has_gateway), Some(true));
        assert_eq!(region("sa-west-1").map(|r| r.has_gateway), Some(false));
    }
}
