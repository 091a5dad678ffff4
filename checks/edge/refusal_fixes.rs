//! The cures of API Gateway's refusals whose reason the account shows.

use super::account::{self, Reason};
use crate::evidence::Evidence;
use crate::evidence::text::shell_quote;
use crate::verdict::Fix;

/// The cure for what the account shows to be the reason.
pub(super) fn by_reason(evidence: &Evidence, reason: &Reason) -> Fix {
    let account::Ids { api, stage, region, .. } = account::ids(evidence);
    let target = &evidence.target;
    let url = shell_quote(&target.url());
    let route_key = format!("{} {}", target.method, target.path_only());
    let key = shell_quote(&route_key);
    let deploy = format!("aws apigateway create-deployment --rest-api-id {api} --stage-name {stage}{region}");
    match reason {
        Reason::Route(true) => Fix::new("Give the REST API a resource and method for this path, and deploy the stage.")
            .shell("What it has", format!("aws apigateway get-resources --rest-api-id {api} --query 'items[].[id,path,resourceMethods]'{region}"))
            .dashboard("API Gateway → the API → Resources → Create resource, Create method")
            .shell("It acts when the stage is deployed", deploy),
        Reason::Route(false) => Fix::new("Give the API a route for this method and path, or a $default route that takes everything.")
            .shell("What it has", format!("aws apigatewayv2 get-routes --api-id {api} --query 'Items[].[RouteKey,Target]'{region}"))
            .shell("The route", format!("aws apigatewayv2 create-route --api-id {api} --route-key {key} --target \"integrations/$INTEGRATION_ID\"{region}"))
            .terraform(
            "AWS provider",
            format!(
                "resource \"aws_apigatewayv2_route\" \"this\" {{\n  api_id    = aws_apigatewayv2_api.api.id\n  \
                 route_key = {}\n  target    = \"integrations/${{aws_apigatewayv2_integration.api.id}}\"\n}}",
                serde_json::Value::from(route_key.as_str()).to_string().replace("${", "$${").replace("%{", "%%{")
            ),
        ),
        Reason::Key => Fix::new("Send an API key of a usage plan of this stage; or, if the path is meant for everybody, let the method want none.")
            .shell("With the key", format!("cfdoctor -H \"x-api-key: $API_KEY\" {url}"))
            .shell("The usage plans", format!("aws apigateway get-usage-plans{region}"))
            .shell("Or without: the method", format!("aws apigateway update-method --rest-api-id {api} --resource-id \"$RESOURCE_ID\" --http-method {} --patch-operations op=replace,path=/apiKeyRequired,value=false{region}", shell_quote(&target.method)))
            .shell("It acts when the stage is deployed", deploy),
        Reason::Signature => Fix::new(format!(
            "Sign the requests for {}: Host is part of the signature, so one for the execute-api name is refused.",
            target.host
        ))
        .shell("A signed request", format!("curl -sSi --aws-sigv4 \"aws:amz:$AWS_REGION:execute-api\" --user \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\" {url}")),
        Reason::Token => Fix::new("Ask with the credentials that the authorizer wants; then the path behind it is judged.")
            .shell("With a token", format!("cfdoctor -H \"Authorization: Bearer $TOKEN\" {url}"))
            .shell("Its authorizers", format!("aws apigatewayv2 get-authorizers --api-id {api}{region}")),
        Reason::Policy => Fix::new("Let the resource policy admit Cloudflare's ranges, IPv4 and IPv6, or whoever else has to come; then deploy the stage.")
            .shell("The policy in force", format!("aws apigateway get-rest-api --rest-api-id {api} --query policy --output text{region}"))
            .shell("The ranges of today", "curl -s https://api.cloudflare.com/client/v4/ips")
            .shell("It acts when the stage is deployed", deploy),
        Reason::Firewall(acl) => Fix::new(format!("Look which rule of the web ACL {acl} blocks, and let Cloudflare's ranges through: AWS WAF sees their addresses, not the visitors'."))
            .dashboard(format!("WAF & Shield → Web ACLs → {acl} → Sampled requests"))
            .shell("The ranges of today", "curl -s https://api.cloudflare.com/client/v4/ips"),
        Reason::Throttle => Fix::new("Raise the stage's throttle.")
            .shell("What it is", format!("aws apigatewayv2 get-stages --api-id {api} --query 'Items[].DefaultRouteSettings'{region}"))
            .shell("Raise it", format!("aws apigatewayv2 update-stage --api-id {api} --stage-name {stage} --default-route-settings ThrottlingRateLimit=\"$RATE\",ThrottlingBurstLimit=\"$BURST\"{region}")),
    }
}
