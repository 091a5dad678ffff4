//! Templates, whole and broken.

use cfdoctor_checks::evidence::Gateway;

use super::*;

const HTTP: &str = r#"
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Host: {Type: String, Default: Lambda.Example.com}
  Stage: {Type: String, Default: prod}
  Secret: {Type: String, NoEcho: true, Default: s3cr3t}
Mappings:
  Stages:
    prod: {tls: TLS_1_2}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsTest: !Not [!Condition IsProd]
Resources:
  Function:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: !Join ["-", [site, !Ref Stage]]
      Runtime: nodejs22.x
      Description: !Ref Secret
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: site, ProtocolType: HTTP}
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS_PROXY
      IntegrationUri: !GetAtt Function.Arn
      PayloadFormatVersion: "2.0"
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: !If [IsProd, "GET /endpoint", "GET /test"]
      Target: !Sub "integrations/${Integration}"
  DefaultStage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: {ApiId: !Ref Api, StageName: $default, AutoDeploy: true}
  Permission:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref Function
      Action: lambda:InvokeFunction
      Principal: apigateway.amazonaws.com
      SourceArn: !Sub "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*"
  Certificate:
    Type: AWS::CertificateManager::Certificate
    Properties: {DomainName: !Ref Host, ValidationMethod: DNS}
  Domain:
    Type: AWS::ApiGatewayV2::DomainName
    Properties:
      DomainName: !Ref Host
      DomainNameConfigurations:
        - CertificateArn: !Ref Certificate
          EndpointType: REGIONAL
          SecurityPolicy: !FindInMap [Stages, !Ref Stage, tls]
  Mapping:
    Type: AWS::ApiGatewayV2::ApiMapping
    Properties: {ApiId: !Ref Api, DomainName: !Ref Domain, Stage: !Ref DefaultStage}
  OnlyTest:
    Type: AWS::ApiGatewayV2::DomainName
    Condition: IsTest
    Properties: {DomainName: test.example.com}
"#;

fn declared(text: &str, region: Option<&str>) -> Declared {
    let mut declared = Declared::default();
    read(text.as_bytes(), "template.yaml", region, &mut declared).unwrap();
    declared
}

fn gateway(declared: &Declared) -> Gateway {
    declared.account_over(None).unwrap()
}

fn error(text: &str) -> String {
    read(text.as_bytes(), "template.yaml", None, &mut Declared::default()).unwrap_err()
}

#[test]
fn a_whole_template() {
    let declared = declared(HTTP, Some("us-west-2"));
    assert_eq!(declared.hosts(&mut Vec::new()), ["lambda.example.com"], "what no condition makes is not there");
    let account = gateway(&declared);
    let domain = &account.domains.found().unwrap()[0];
    assert_eq!(domain.security_policy.as_deref(), Some("TLS_1_2"));
    assert!(domain.target.as_deref().unwrap().starts_with("d-"));
    let certificate = account.certificate(domain.certificate.as_ref().unwrap()).unwrap();
    assert_eq!(
        (certificate.names[0].as_str(), certificate.arn.as_ref().unwrap().region()),
        ("lambda.example.com", Some("us-west-2"))
    );
    let mapping = &domain.mappings.get().unwrap()[0];
    let api = account.api(mapping.api.as_deref().unwrap()).unwrap();
    assert_eq!(mapping.stage.as_deref(), Some("$default"));
    let route = &api.routes.get().unwrap()[0];
    assert_eq!(route.key, "GET /endpoint");
    let function = account.function(&api.integration(route).unwrap().unwrap().function().unwrap()).unwrap();
    assert_eq!(function.name, "site-prod");
    let statement = &function.policy.get().unwrap().statements[0];
    assert!(statement.conditions[0].values[0].contains(&api.id), "{statement:?}");
    let at = |id: &str| declared.sources.iter().find(|source| source.name == id).unwrap().place.line as usize;
    assert!(HTTP.lines().nth(at("Mapping") - 1).unwrap().starts_with("  Mapping:"));
    assert!(!format!("{declared:?}").contains("s3cr3t"));
}

#[test]
fn the_same_in_json() {
    let value = document::parse(HTTP.as_bytes()).unwrap().value;
    let json = serde_json::to_string_pretty(&value).unwrap();
    let declared = declared(&json, Some("us-west-2"));
    assert_eq!(gateway(&declared).domains.found().unwrap().len(), 1);
    let domain = declared.sources.iter().find(|source| source.name == "Domain").unwrap();
    assert!(json.lines().nth(domain.place.line as usize - 1).unwrap().contains("\"Domain\""));
}

#[test]
fn what_the_template_does_not_tell_is_named() {
    let text = r#"
Parameters:
  Arn: {Type: String}
Resources:
  Domain:
    Type: AWS::ApiGatewayV2::DomainName
    Properties:
      DomainName: api.example.com
      DomainNameConfigurations: [{CertificateArn: !Ref Arn, EndpointType: REGIONAL}]
      RoutingMode: !ImportValue mode
"#;
    let declared = declared(text, None);
    let notes = declared.notes.join("\n");
    assert!(
        notes.contains("Domain: DomainNameConfigurations is not known: the parameter Arn has no default"),
        "{notes}"
    );
    assert!(notes.contains("Domain: RoutingMode is not known: it is imported from another stack"), "{notes}");
    let domain = gateway(&declared).domains.found().unwrap()[0].clone();
    assert_eq!((domain.certificate, domain.target), (None, None), "without a region no name of its kind can be told");
    assert!(domain.mappings.found().is_none(), "nothing manages mappings here");
}

#[test]
fn sam_apis_with_their_domains() {
    let text = r#"
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Runtime: python3.13, Timeout: 20}
Resources:
  Http:
    Type: AWS::Serverless::HttpApi
    Properties:
      DisableExecuteApiEndpoint: true
      Domain:
        DomainName: http.example.com
        CertificateArn: arn:aws:acm:us-west-2:111122223333:certificate/1
        BasePath: [v1, /v2]
  Rest:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      Domain: {DomainName: rest.example.com, CertificateArn: arn:aws:acm:us-east-1:111122223333:certificate/2, EndpointConfiguration: EDGE}
  Function:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: site
      FunctionUrlConfig: {AuthType: NONE}
      Events:
        Get: {Type: HttpApi, Properties: {ApiId: !Ref Http, Path: /v1/items, Method: get}}
        Old: {Type: Api, Properties: {RestApiId: !Ref Rest, Path: /items, Method: any}}
"#;
    let account = gateway(&declared(text, Some("us-west-2")));
    let domains = account.domains.found().unwrap();
    let keys: Vec<&str> = domains[0].mappings.get().unwrap().iter().map(|one| one.key.as_str()).collect();
    assert_eq!(
        (domains[0].name.as_str(), keys.as_slice(), domains[0].is_regional()),
        ("http.example.com", &["v1", "v2"][..], true)
    );
    assert!(domains[1].is_edge() && domains[1].edge_certificate.is_some());
    assert_ne!(domains[0].target, None);
    let http = account.api(domains[0].mappings.get().unwrap()[0].api.as_deref().unwrap()).unwrap();
    assert_eq!(http.default_endpoint_disabled, Some(true));
    assert_eq!(http.routes.get().unwrap()[0].key, "GET /v1/items");
    let rest = account.api(domains[1].mappings.get().unwrap()[0].api.as_deref().unwrap()).unwrap();
    assert_eq!(rest.routes.get().unwrap()[0].key, "ANY /items");
    let function = &account.functions.found().unwrap()[0];
    assert_eq!((function.timeout, function.runtime.as_deref()), (Some(20), Some("python3.13")));
    assert!(function.policy.found().is_none(), "SAM writes it");
    assert_eq!(function.urls.get().unwrap().len(), 1);
}

#[test]
fn rest_methods_find_their_paths() {
    let text = r#"
Resources:
  Rest: {Type: AWS::ApiGateway::RestApi, Properties: {Name: rest, EndpointConfiguration: {Types: [REGIONAL]}}}
  Items: {Type: AWS::ApiGateway::Resource, Properties: {RestApiId: !Ref Rest, ParentId: !GetAtt Rest.RootResourceId, PathPart: items}}
  Item: {Type: AWS::ApiGateway::Resource, Properties: {RestApiId: !Ref Rest, ParentId: !Ref Items, PathPart: "{id}"}}
  Get:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Rest
      ResourceId: !Ref Item
      HttpMethod: GET
      AuthorizationType: NONE
      Integration: {Type: MOCK}
"#;
    let account = gateway(&declared(text, Some("us-west-2")));
    assert_eq!(account.apis.found().unwrap()[0].routes.get().unwrap()[0].key, "GET /items/{id}");
}

#[test]
fn broken_templates_are_refused_with_place_and_remedy() {
    let cycle = HTTP.replace("      Runtime: nodejs22.x\n", "      Runtime: !Ref Permission\n");
    let error_of_cycle = error(&cycle);
    assert!(error_of_cycle.contains("Function → Permission → Function"), "{error_of_cycle}");
    let yaml = error("Resources:\n  A: {Type: AWS::X\n  B: [\n");
    assert!(yaml.contains("line ") && yaml.contains("column "), "{yaml}");
    let json = error("{\"Resources\": {\"A\": {\"Type\": \"AWS::X\"");
    assert!(json.contains("line 1 column") && json.contains("save it whole"), "{json}");
    assert!(error("Resources: {}\n").contains("no CloudFormation"));
    assert!(error("\u{0}").len() < 400);
}

#[test]
fn no_template_grows_or_panics() {
    let mut bomb = String::from("a: &a0 [x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let row = vec![format!("*a{}", level - 1); 8].join(", ");
        bomb += &format!("b{level}: &a{level} [{row}]\n");
    }
    assert!(error(&bomb).contains("more values than any template"));
    assert!(error(&format!("a: {}", "[".repeat(300))).contains("taken for a template"));
    // Every line of a sound template left out once, and cut off once.
    let lines: Vec<&str> = HTTP.lines().collect();
    for gone in 0..lines.len() {
        let without: Vec<&str> =
            lines.iter().enumerate().filter(|(at, _)| *at != gone).map(|(_, line)| *line).collect();
        for text in [without.join("\n"), lines[..gone].join("\n")] {
            let _ = read(text.as_bytes(), "template.yaml", Some("us-west-2"), &mut Declared::default());
        }
    }
}
