//! An account file: the document that a recording holds, or outputs of the AWS CLI as they are, one or several.

use cfdoctor_checks::evidence::Gateway;
use cfdoctor_checks::evidence::text::shorten;
use serde_json::Value;

/// Outputs that one file may hold, one after another.
const MAX_OUTPUTS: usize = 1000;

/// A word of an output, and the command that prints it: the most telling first.
const COMMANDS: &[(&str, &str)] = &[
    ("DomainNameConfigurations", "aws apigatewayv2 get-domain-name --domain-name HOST"),
    ("regionalDomainName", "aws apigateway get-domain-name --domain-name HOST"),
    ("distributionDomainName", "aws apigateway get-domain-name --domain-name HOST"),
    ("CertificateSummaryList", "aws acm list-certificates"),
    ("ApiMappingId", "aws apigatewayv2 get-api-mappings --domain-name HOST"),
    ("basePath", "aws apigateway get-base-path-mappings --domain-name HOST"),
    ("RoutingRuleId", "aws apigatewayv2 list-routing-rules --domain-name HOST"),
    ("RouteKey", "aws apigatewayv2 get-routes --api-id ID"),
    ("IntegrationType", "aws apigatewayv2 get-integrations --api-id ID"),
    ("StageName", "aws apigatewayv2 get-stages --api-id ID"),
    ("pathPart", "aws apigateway get-resources --rest-api-id ID --embed methods"),
    ("ProtocolType", "aws apigatewayv2 get-api --api-id ID"),
    ("FunctionUrl", "aws lambda get-function-url-config --function-name NAME"),
    ("RevisionId", "aws lambda get-function-configuration --function-name NAME"),
    ("CertificateArn", "aws acm describe-certificate --certificate-arn ARN"),
    ("FunctionArn", "aws lambda get-function-configuration --function-name NAME"),
];

/// What else belongs to a part that came without its owner.
const OWNERS: &[(&str, &str)] = &[
    ("api_mappings", "aws apigatewayv2 get-domain-name --domain-name HOST"),
    ("routing_rules", "aws apigatewayv2 get-domain-name --domain-name HOST"),
    ("stages", "aws apigatewayv2 get-api --api-id ID"),
    ("routes", "aws apigatewayv2 get-api --api-id ID"),
    ("integrations", "aws apigatewayv2 get-api --api-id ID"),
    ("resources", "aws apigateway get-rest-api --rest-api-id ID"),
    ("url_configs", "aws lambda get-function-configuration --function-name NAME"),
    ("policy", "aws lambda get-function-configuration --function-name NAME"),
];

/// Reads the file.
///
/// # Errors
/// It is not JSON, or nothing of an account is in it: what, where, and the command to run.
pub(super) fn read(bytes: &[u8]) -> Result<Gateway, String> {
    let mut account: Option<Gateway> = None;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for (index, output) in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>().enumerate() {
        if index >= MAX_OUTPUTS {
            return Err(format!("more than {MAX_OUTPUTS} outputs in one file; leave out what is of other hosts"));
        }
        let output = output.map_err(|error| cut(bytes, &error))?;
        let part = Gateway::accept(&output).ok_or_else(|| unknown(&output))?;
        account = Some(match account {
            Some(account) => account.merge(part),
            None => part,
        });
    }
    account.ok_or_else(|| "the file is empty".into())
}

/// Is this the output, or the error, of an AWS command that is of no use as it is? What to do about it.
pub(super) fn useless_output(text: &str) -> Option<String> {
    let text = text.trim_start();
    let first = text.lines().next().unwrap_or_default();
    if text.contains("An error occurred (") && text.contains(" when calling the ") {
        return Some(format!("this is what the AWS CLI says of a call that failed: {}", shorten(first, 200)));
    }
    let is_table = first.starts_with("----") && text.lines().nth(1).is_some_and(|line| line.starts_with('|'));
    let is_text = ["DOMAINNAMECONFIGURATIONS\t", "DOMAINVALIDATIONOPTIONS\t", "CERTIFICATE\t"];
    let is_text = is_text.iter().any(|word| text.starts_with(word) || text.contains(&format!("\n{word}")));
    let shape = if is_table {
        "a table"
    } else if is_text {
        "plain text"
    } else {
        return None;
    };
    let command = command(text).map(|command| format!(": `{command} --output json`")).unwrap_or_default();
    Some(format!("this is an output of the AWS CLI as {shape}; run it again as JSON{command}"))
}

/// What waits for its owner after all files were laid together, as notes.
pub(super) fn waiting(account: &Gateway) -> Vec<String> {
    let note = |(kind, count): (&String, &usize)| {
        let owner = OWNERS.iter().find(|(part, _)| *part == kind.as_str()).map(|(_, command)| *command)?;
        Some(format!("{count} of {kind} not judged: the files do not tell whose they are; add the output of `{owner}`"))
    };
    account.unattached.iter().filter_map(note).collect()
}

/// JSON that ends too early, or is broken: what it was taken for, where, and the remedy.
pub(super) fn cut(bytes: &[u8], error: &serde_json::Error) -> String {
    let text = String::from_utf8_lossy(bytes);
    let what = command(&text)
        .map_or_else(|| "taken for JSON".to_owned(), |command| format!("taken for the output of `{command}`"));
    let remedy = match (error.is_eof(), command(&text)) {
        (true, Some(_)) => "; it is cut off: save the whole output (`… --output json --no-cli-pager > FILE`)",
        (true, None) => "; it is cut off: save it whole",
        (false, Some(_)) => "; save the output as it is (`… --output json --no-cli-pager > FILE`)",
        (false, None) => "",
    };
    format!("{what}, which stops making sense at {error}{remedy}")
}

/// JSON of which nothing is known.
fn unknown(output: &Value) -> String {
    let keys = output.as_object().map(|map| map.keys().take(5).cloned().collect::<Vec<_>>().join(", "));
    let what = match (&keys, output) {
        (Some(keys), _) => format!("JSON with the keys {:?}", shorten(keys, 120)),
        (None, Value::Array(list)) if list.is_empty() => "an empty list".to_owned(),
        _ => "JSON that is not an object".to_owned(),
    };
    let is_empty_list = output.as_object().is_some_and(|map| {
        map.iter().any(|(key, value)| key.eq_ignore_ascii_case("items") && value.as_array().is_some_and(Vec::is_empty))
    });
    let remedy = if is_empty_list || what == "an empty list" {
        "an empty list does not tell of what; write it under its key, for instance {\"domains\": []}"
    } else {
        "wanted is an object with domains, certificates, apis or functions, or an output as it is, for instance of \
         `aws apigatewayv2 get-domain-name --domain-name HOST` or `aws acm describe-certificate --certificate-arn ARN`"
    };
    format!("{what}: no output of an AWS command that is known; {remedy}")
}

/// The command that prints such words, in the spelling of the CLI or of the wire.
fn command(text: &str) -> Option<&'static str> {
    let folded = text.to_ascii_lowercase();
    COMMANDS.iter().find(|(word, _)| folded.contains(&word.to_ascii_lowercase())).map(|(_, command)| *command)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOMAIN: &str = r#"{"DomainName": "api.example.com", "DomainNameConfigurations": [{"EndpointType": "REGIONAL",
        "ApiGatewayDomainName": "d-abc123def4.execute-api.us-west-2.amazonaws.com"}]}"#;
    const MAPPINGS: &str = r#"{"Items": [{"ApiId": "abc", "ApiMappingId": "1", "ApiMappingKey": ""}]}"#;

    #[test]
    fn several_outputs_in_one_file_are_one_account() {
        let account = read(format!("\u{feff}{MAPPINGS}\n{DOMAIN}\n").as_bytes()).unwrap();
        let domain = &account.domains.found().unwrap()[0];
        assert_eq!(domain.mappings.found().map(Vec::len), Some(1));
        assert!(waiting(&account).is_empty());
        let alone = waiting(&read(MAPPINGS.as_bytes()).unwrap());
        assert!(alone[0].contains("1 of api_mappings") && alone[0].contains("get-domain-name"), "{alone:?}");
    }

    #[test]
    fn a_half_pasted_output_names_its_command() {
        for (whole, command) in [(DOMAIN, "apigatewayv2 get-domain-name"), (MAPPINGS, "get-api-mappings")] {
            let error = read(&whole.as_bytes()[..whole.len() - 3]).unwrap_err();
            assert!(error.contains(command) && error.contains("cut off"), "{error}");
        }
        let broken = read(br#"{"CertificateArn": "arn:aws:acm:..." "Status""#).unwrap_err();
        assert!(broken.contains("describe-certificate") && broken.contains("line 1"), "{broken}");
        assert!(read(b"{").unwrap_err().contains("cut off"));
        assert_eq!(read(b" \n").unwrap_err(), "the file is empty");
    }

    #[test]
    fn what_is_no_account_is_named() {
        assert!(read(br#"{"a": 1}"#).unwrap_err().contains("get-domain-name"));
        assert!(read(br#"{"Items": []}"#).unwrap_err().contains(r#"{"domains": []}"#));
        assert!(read(b"[]").unwrap_err().contains("an empty list"));
        assert!(read(b"7").unwrap_err().contains("not an object"));
    }

    #[test]
    fn errors_and_tables_are_known_for_what_they_are() {
        let error = "\nAn error occurred (AccessDeniedException) when calling the GetDomainName operation: no\n";
        assert!(useless_output(error).unwrap().contains("AccessDeniedException"));
        let table = "-----------\n|  GetDomainName  |\n|  regionalDomainName | d-1 |";
        assert!(useless_output(table).unwrap().contains("--output json"));
        assert_eq!(useless_output("HTTP/2 200\nserver: cloudflare"), None);
    }

    #[test]
    fn outputs_are_recognised_by_what_is_in_them() {
        use super::super::Kind;
        use super::super::detect::detect;
        for output in [DOMAIN, MAPPINGS, &format!("{MAPPINGS}\n{DOMAIN}"), &format!("[{DOMAIN}]")] {
            assert_eq!(detect(output.as_bytes()), Ok(Kind::Account), "{output}");
        }
        assert_eq!(detect(br#"{"dns_records": [], "not_read": {"settings": {"kind": "forbidden"}}}"#), Ok(Kind::Zone));
        assert_eq!(detect(br#"{"domains": [], "not_read": {"apis": {"kind": "forbidden"}}}"#), Ok(Kind::Account));
        assert!(detect(br#"{"planned_values": {}}"#).unwrap_err().contains("planned_values"));
        assert!(detect(&DOMAIN.as_bytes()[..40]).unwrap_err().contains("cut off"));
    }
}
