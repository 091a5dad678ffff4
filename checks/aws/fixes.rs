//! The ways to mend the account that several checks name, with the real regions, names and ids in them.

use serde_json::json;

use super::mapped_api::MappedApi;
use crate::evidence::Evidence;
use crate::evidence::gateway::{Arn, ValidationRecord};
use crate::evidence::text::shell_quote;
use crate::model::origin_host::{self, classify};
use crate::model::trust::{served_chain, service_certificate};
use crate::verdict::Fix;

/// The region for commands: the account's, the one in the origin's name or certificate, the user's, the only one that
/// was looked at; else a variable to set.
pub(super) fn region(evidence: &Evidence) -> String {
    let known = |name: &String| origin_host::region(name).is_some();
    let of_domain = || {
        let domains = evidence.gateway.found()?.domains_of(&evidence.target.host).ok()?;
        match domains.as_slice() {
            [one] => one.region.clone(),
            _ => None,
        }
    };
    let of_name = || classify(evidence.origin_name()?).region;
    let of_certificate = || service_certificate(served_chain(evidence.origin.tls.found()?).first()?)?.region;
    let looked = || match evidence.gateway.found()?.regions_looked_at.as_slice() {
        [one] => Some(one.clone()),
        _ => None,
    };
    of_domain()
        .filter(known)
        .or_else(|| of_name().filter(known))
        .or_else(|| of_certificate().filter(known))
        .or_else(|| evidence.target.region.clone().filter(known))
        .or_else(|| looked().filter(known))
        .unwrap_or_else(|| "$AWS_REGION".into())
}

/// A region as part of Terraform or a template, where a shell's variable means nothing.
pub(super) fn plain_region(region: &str) -> &str {
    if region == "$AWS_REGION" { "REGION" } else { region }
}

/// The usable certificate of ACM in this region that covers the host, as a word of the shell; else a variable to set.
pub(super) fn certificate(evidence: &Evidence, region: &str) -> String {
    use crate::evidence::gateway::CertificateStatus::Issued;
    let usable = evidence.gateway.found().and_then(|gateway| {
        gateway.certificates.found()?.iter().find_map(|certificate| {
            let is_usable = certificate.region.as_deref() == Some(region)
                && certificate.status == Some(Issued)
                && certificate.not_after.is_none_or(|end| end > evidence.gathered_at)
                && certificate.covers(&evidence.target.host);
            certificate.arn.as_ref().filter(|_| is_usable)
        })
    });
    usable.map_or_else(|| "\"$CERTIFICATE_ARN\"".into(), |arn| arn.for_shell())
}

/// Zone id for the Cloudflare API, where the zone is known.
pub(super) fn zone_id(evidence: &Evidence) -> String {
    let id = evidence.zone.found().and_then(|zone| zone.details.found()?.id.clone());
    // It stands between double quotation marks of a shell line.
    id.filter(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric())).unwrap_or_else(|| "$ZONE_ID".into())
}

/// A region as a word of the shell: what a file calls a region need not be one.
pub(super) fn region_word(region: &str) -> String {
    let is_plain = region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_plain || region == "$AWS_REGION" { region.to_owned() } else { shell_quote(region) }
}

/// The way to a DNS record of the host: find it, then change it.
pub(super) fn point_record(fix: Fix, evidence: &Evidence, content: &str) -> Fix {
    let host = &evidence.target.host;
    let zone = zone_id(evidence);
    let data = format!("{{\"type\":\"CNAME\",\"name\":\"{host}\",\"content\":\"{content}\",\"proxied\":true}}");
    fix.dashboard(format!("DNS → Records → {host} → Edit: CNAME {content}, Proxied"))
        .api(
            "Find the record's id",
            format!(
                "curl -s \"https://api.cloudflare.com/client/v4/zones/{zone}/dns_records?name={host}\" \
                 -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\""
            ),
        )
        .api(
            "Change it",
            format!(
                "curl -X PATCH \"https://api.cloudflare.com/client/v4/zones/{zone}/dns_records/$RECORD_ID\" \
                 -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" -H 'Content-Type: application/json' --data {}",
                shell_quote(&data)
            ),
        )
        .terraform(
            "Cloudflare provider v5",
            format!(
                "resource \"cloudflare_dns_record\" \"site\" {{\n  zone_id = var.zone_id\n  name    = \"{host}\"\n  \
                 type    = \"CNAME\"\n  content = \"{content}\"\n  ttl     = 1\n  proxied = true\n}}"
            ),
        )
}

/// A regional custom domain for the host, with its mapping.
pub(super) fn custom_domain(evidence: &Evidence, region: &str) -> Fix {
    let word = region_word(region);
    let host = &evidence.target.host;
    let name = shell_quote(host);
    let api = MappedApi::of(evidence, Some(region));
    let fix = Fix::new(format!(
        "Create the custom domain {host} in API Gateway in {}, map it to the API, and point the record at the target \
         that it gets. Leave the mode at Full (strict).",
        plain_region(region)
    ))
    .shell(
        "Create it, with a certificate of the same region",
        format!(
            "aws apigatewayv2 create-domain-name --domain-name {name} --domain-name-configurations \
             CertificateArn={},EndpointType=REGIONAL,SecurityPolicy=TLS_1_2 --region {word}",
            certificate(evidence, region)
        ),
    )
    .shell(
        api.label(),
        format!(
            "aws apigatewayv2 create-api-mapping --domain-name {name} --api-id {} --stage {} --region {word}",
            api.id_word(),
            api.stage_word()
        ),
    )
    .shell(
        "Its target, for the record",
        format!(
            "aws apigatewayv2 get-domain-name --domain-name {name} --region {word} --query \
             'DomainNameConfigurations[0].ApiGatewayDomainName' --output text"
        ),
    )
    .terraform("AWS provider", api.terraform(host))
    .code(
        format!("SAM template, properties of the {}", api.template_resource()),
        format!(
            "Domain:\n  DomainName: {host}\n  CertificateArn: !Ref CertificateArn\n  \
             EndpointConfiguration: REGIONAL\n  SecurityPolicy: TLS_1_2"
        ),
    );
    point_record(fix, evidence, &format!("d-xxxxxxxxxx.execute-api.{}.amazonaws.com", plain_region(region)))
}

/// A public certificate of Amazon, validated by DNS, so that ACM renews it.
pub(super) fn request(fix: Fix, name: &str, region: &str) -> Fix {
    let word = region_word(region);
    fix.shell(
        "Request a public certificate; ACM renews it as long as its validation record stays",
        format!(
            "aws acm request-certificate --domain-name {} --validation-method DNS --region {word}",
            shell_quote(name)
        ),
    )
    .shell(
        "The validation record that it wants: add it DNS-only, and leave it there",
        format!(
            "aws acm describe-certificate --certificate-arn \"$CERTIFICATE_ARN\" --region {word} --query \
             'Certificate.DomainValidationOptions[].ResourceRecord'"
        ),
    )
}

/// The certificate of a domain is replaced by `$CERTIFICATE_ARN`. v1 of the API reads and changes every custom domain
/// (`facts/aws.md` section 0, fact 5).
pub(super) fn attach(fix: Fix, name: &str, region: &str, at_edge: bool) -> Fix {
    let word = region_word(region);
    let path = if at_edge { "/certificateArn" } else { "/regionalCertificateArn" };
    fix.shell(
        "Put it on the custom domain",
        format!(
            "aws apigateway update-domain-name --domain-name {} --patch-operations \
             op=replace,path={path},value=\"$CERTIFICATE_ARN\" --region {word}",
            shell_quote(name)
        ),
    )
}

/// The same in Terraform and in a template; an edge-optimised domain's certificate lives in us-east-1.
pub(super) fn certificate_as_code(fix: Fix, name: &str, region: &str, at_edge: bool) -> Fix {
    let region = plain_region(region);
    let (provider, field) = match at_edge {
        true => ("\n  provider          = aws.us_east_1", "certificate_arn"),
        false => ("", "regional_certificate_arn"),
    };
    let kind = if at_edge { "EDGE" } else { "REGIONAL" };
    let terraform = format!(
        "# {field} = aws_acm_certificate.origin.arn in aws_api_gateway_domain_name{}\n\
         resource \"aws_acm_certificate\" \"origin\" {{{provider}\n  domain_name       = \"{name}\"\n  \
         validation_method = \"DNS\"\n\n  lifecycle {{\n    create_before_destroy = true\n  }}\n}}",
        if at_edge { "" } else { ", certificate_arn in aws_apigatewayv2_domain_name" }
    );
    let template = format!(
        "Domain:\n  DomainName: {name}\n  CertificateArn: !Ref CertificateArn  # an ARN of {region}\n  \
         EndpointConfiguration: {kind}"
    );
    fix.terraform("AWS provider", terraform).code("SAM template, properties of the API", template)
}

/// A new certificate of Cloudflare's Origin CA, imported over the present one: its ARN, and so its users, stay.
pub(super) fn reimport(fix: Fix, evidence: &Evidence, arn: Option<&Arn>, region: &str) -> Fix {
    let word = region_word(region);
    let host = &evidence.target.host;
    let arn = arn.map_or_else(|| "\"$CERTIFICATE_ARN\"".into(), Arn::for_shell);
    fix.dashboard(format!(
        "SSL/TLS → Origin Server → Create Certificate, host names {host} (not SSL/TLS → Client Certificates)"
    ))
    .shell(
        "Import it over the one in use",
        format!(
            "aws acm import-certificate --certificate-arn {arn} --certificate fileb://origin.pem --private-key \
             fileb://origin.key --certificate-chain fileb://origin_ca_root.pem --region {word}"
        ),
    )
    .terraform(
        "AWS provider: a change of the body is an import over it",
        "resource \"aws_acm_certificate\" \"origin\" {\n  certificate_body  = file(\"origin.pem\")\n  \
         private_key       = file(\"origin.key\")\n  certificate_chain = file(\"origin_ca_root.pem\")\n}",
    )
}

/// A validation record into the zone, DNS-only; where it stands already, it is changed.
pub(super) fn validation_record(fix: Fix, evidence: &Evidence, record: &ValidationRecord, stands: bool) -> Fix {
    let ValidationRecord { name, kind, value } = record;
    let zone = zone_id(evidence);
    let data = shell_quote(&json!({"type": kind, "name": name, "content": value, "proxied": false}).to_string());
    let api = "https://api.cloudflare.com/client/v4/zones";
    let headers = "-H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" -H 'Content-Type: application/json'";
    let fix = match stands {
        true => fix
            .dashboard(format!("DNS → Records → {name} → Edit: {kind} {value}, DNS only"))
            .api(
                "Find the record's id",
                format!("curl -s {headers} \"{api}/{zone}/dns_records?name=\"{}", shell_quote(name)),
            )
            .api("Change it", format!("curl -X PATCH {headers} \"{api}/{zone}/dns_records/$RECORD_ID\" --data {data}")),
        false => fix
            .dashboard(format!("DNS → Records → Add record: {kind}, {name}, target {value}, DNS only"))
            .api("Add it", format!("curl -X POST {headers} \"{api}/{zone}/dns_records\" --data {data}")),
    };
    fix.terraform(
        "Cloudflare provider v5",
        format!(
            "resource \"cloudflare_dns_record\" \"validation\" {{\n  zone_id = var.zone_id\n  name    = \"{name}\"\n  \
             type    = \"{kind}\"\n  content = \"{value}\"\n  ttl     = 1\n  proxied = false\n}}"
        ),
    )
}

/// CAA that lets Amazon in, beside what stands there.
pub(super) fn let_amazon_in(fix: Fix, evidence: &Evidence, owner: &str, tags: &[&str]) -> Fix {
    let zone = zone_id(evidence);
    tags.iter().fold(fix, |fix, tag| {
        let data = json!({"type": "CAA", "name": owner, "data": {"flags": 0, "tag": tag, "value": "amazon.com"}});
        fix.dashboard(format!("DNS → Records → Add record: CAA, {owner}, tag {tag}, value amazon.com")).api(
            format!("Let Amazon in ({tag})"),
            format!(
                "curl -X POST -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" -H 'Content-Type: application/json' \
                 \"https://api.cloudflare.com/client/v4/zones/{zone}/dns_records\" --data {}",
                shell_quote(&data.to_string())
            ),
        )
    })
}
