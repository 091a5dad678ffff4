"""moto's server on a port of loopback with a small account in it. Says what is there in one line of JSON, and ends
with its standard input. Usage: account.py PORT"""

import datetime
import io
import json
import os
import sys
import zipfile

os.environ.update(AWS_ACCESS_KEY_ID="AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY="secret")
for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CONFIG_FILE", "AWS_SESSION_TOKEN"):
    os.environ.pop(name, None)

import boto3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from moto.server import ThreadedMotoServer

HOME, GLOBAL = "eu-central-1", "us-east-1"
port = int(sys.argv[1])
server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
server.start()


def client(service, region=HOME):
    return boto3.client(service, region_name=region, endpoint_url=f"http://127.0.0.1:{port}")


def certificate(region, *names, days=365):
    """A certificate that looks like one of Cloudflare's Origin CA, imported into ACM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "CloudFlare Origin Certificate")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=365 if days < 30 else 1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return client("acm", region).import_certificate(Certificate=made.public_bytes(pem), PrivateKey=private)["CertificateArn"]


role = client("iam").create_role(
    RoleName="r",
    AssumeRolePolicyDocument=json.dumps(
        {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    ),
)["Role"]["Arn"]
package = io.BytesIO()
with zipfile.ZipFile(package, "w") as archive:
    archive.writestr("index.js", "exports.handler = async () => 'ok'")
functions = client("lambda")
function = functions.create_function(
    FunctionName="shop",
    Runtime="nodejs22.x",
    Role=role,
    Handler="index.handler",
    Timeout=30,
    Code={"ZipFile": package.getvalue()},
    Environment={"Variables": {"DATABASE": "s3cr3t"}},
)["FunctionArn"]
url = functions.create_function_url_config(FunctionName="shop", AuthType="NONE")["FunctionUrl"]

# An HTTP API behind api.example.com.
certificate_arn = certificate(HOME, "api.example.com", "*.example.com")
v2 = client("apigatewayv2")
http = v2.create_api(Name="shop", ProtocolType="HTTP")["ApiId"]
v2.create_stage(ApiId=http, StageName="$default", AutoDeploy=True)
integration = v2.create_integration(
    ApiId=http, IntegrationType="AWS_PROXY", IntegrationUri=function, PayloadFormatVersion="2.0", TimeoutInMillis=30000
)["IntegrationId"]
v2.create_route(ApiId=http, RouteKey="GET /items", Target=f"integrations/{integration}")
v2.create_domain_name(
    DomainName="api.example.com",
    DomainNameConfigurations=[{"CertificateArn": certificate_arn, "EndpointType": "REGIONAL", "SecurityPolicy": "TLS_1_2"}],
)
v2.create_api_mapping(ApiId=http, DomainName="api.example.com", Stage="$default", ApiMappingKey="v1/shop")
functions.add_permission(
    FunctionName="shop",
    StatementId="api",
    Action="lambda:InvokeFunction",
    Principal="apigateway.amazonaws.com",
    SourceArn=f"arn:aws:execute-api:{HOME}:123456789012:{http}/*/*/items",
)

# A REST API behind rest.example.com.
v1 = client("apigateway")
rest = v1.create_rest_api(name="rest")["id"]
root = v1.get_resources(restApiId=rest)["items"][0]["id"]
resource = v1.create_resource(restApiId=rest, parentId=root, pathPart="{proxy+}")["id"]
v1.put_method(restApiId=rest, resourceId=resource, httpMethod="ANY", authorizationType="NONE")
v1.put_integration(
    restApiId=rest,
    resourceId=resource,
    httpMethod="ANY",
    type="AWS_PROXY",
    integrationHttpMethod="POST",
    uri=f"arn:aws:apigateway:{HOME}:lambda:path/2015-03-31/functions/{function}/invocations",
)
deployment = v1.create_deployment(restApiId=rest, stageName="prod")["id"]
v1.create_domain_name(
    domainName="rest.example.com",
    regionalCertificateArn=certificate_arn,
    endpointConfiguration={"types": ["REGIONAL"]},
    securityPolicy="TLS_1_2",
)
v1.create_base_path_mapping(domainName="rest.example.com", basePath="shop", restApiId=rest, stage="prod")
target = v1.get_domain_name(domainName="rest.example.com")["regionalDomainName"]

# An edge-optimised domain, whose certificate is in us-east-1.
edge_certificate = certificate(GLOBAL, "edge.example.com")
v1.create_domain_name(
    domainName="edge.example.com", certificateArn=edge_certificate, endpointConfiguration={"types": ["EDGE"]}
)
v1.create_base_path_mapping(domainName="edge.example.com", basePath="", restApiId=rest, stage="prod")

# What is wrong with the domains of tests/it/moto/findings.rs, each with one fault.
def http_domain(name, arn, **more):
    configuration = {"CertificateArn": arn, "EndpointType": "REGIONAL", "SecurityPolicy": "TLS_1_2"}
    v2.create_domain_name(DomainName=name, DomainNameConfigurations=[configuration], **more)
    v2.create_api_mapping(ApiId=http, DomainName=name, Stage="$default", ApiMappingKey="")


http_domain("ending.example.com", certificate(HOME, "ending.example.com", days=6))
http_domain("misplaced.example.com", certificate(GLOBAL, "misplaced.example.com"))
http_domain("uncovered.example.com", certificate(HOME, "other.example.com"))
trust = {"TruststoreUri": "s3://trust/ca.pem"}
http_domain("mutual.example.com", certificate_arn, MutualTlsAuthentication=trust)
for region, arn in ((HOME, certificate_arn), ("us-west-2", certificate("us-west-2", "split.example.com"))):
    client("apigateway", region).create_domain_name(
        domainName="split.example.com",
        regionalCertificateArn=arn,
        endpointConfiguration={"types": ["REGIONAL"]},
        securityPolicy="TLS_1_2",
    )
v1.create_base_path_mapping(domainName="split.example.com", basePath="", restApiId=rest, stage="prod")
split = v1.get_domain_name(domainName="split.example.com")["regionalDomainName"]
west = client("apigateway", "us-west-2")
elsewhere = west.create_rest_api(name="west")["id"]
leaf = {"restApiId": elsewhere, "resourceId": west.get_resources(restApiId=elsewhere)["items"][0]["id"], "httpMethod": "GET"}
west.put_method(**leaf, authorizationType="NONE")
west.put_integration(**leaf, type="MOCK")
west.create_deployment(restApiId=elsewhere, stageName="prod")
west.create_base_path_mapping(domainName="split.example.com", basePath="", restApiId=elsewhere, stage="prod")
v1.create_domain_name(
    domainName="old.example.com",
    regionalCertificateArn=certificate_arn,
    endpointConfiguration={"types": ["REGIONAL"]},
    securityPolicy="TLS_1_0",
)
v1.create_stage(
    restApiId=rest, stageName="stored", deploymentId=deployment, cacheClusterEnabled=True, cacheClusterSize="0.5"
)
v1.create_base_path_mapping(domainName="old.example.com", basePath="", restApiId=rest, stage="stored")
functions.create_function(
    FunctionName="closed", Runtime="nodejs22.x", Role=role, Handler="index.handler", Code={"ZipFile": package.getvalue()}
)
closed = functions.create_function_url_config(FunctionName="closed", AuthType="AWS_IAM")["FunctionUrl"]


def told(call, **arguments):
    """What the AWS CLI prints of this call, as data."""
    answer = call(**arguments)
    answer.pop("ResponseMetadata", None)
    return answer


def first(*calls):
    """The first call that moto does not refuse: it keeps the domains of both versions of the API apart."""
    for call, arguments in calls:
        try:
            return told(call, **arguments)
        except client("apigateway").exceptions.ClientError:
            pass
    return {}


def account(regions):
    """The account in AWS's own shapes, as its owner would write it down for --aws-json."""
    document = {"domains": [], "certificates": [], "apis": [], "functions": [], "regions_looked_at": regions}
    for region in regions:
        one, two, acm = client("apigateway", region), client("apigatewayv2", region), client("acm", region)
        for item in two.get_domain_names()["Items"]:
            name = {"DomainName": item["DomainName"]}
            mappings = two.get_api_mappings(**name)["Items"]
            document["domains"].append(told(two.get_domain_name, **name) | {"region": region, "api_mappings": mappings})
        for item in one.get_domain_names()["items"]:
            name = {"domainName": item["domainName"]}
            mappings = one.get_base_path_mappings(**name)["items"]
            document["domains"].append(told(one.get_domain_name, **name) | {"region": region, "api_mappings": mappings})
        for item in two.get_apis()["Items"]:
            api = {"ApiId": item["ApiId"]}
            parts = {part: told(getattr(two, f"get_{part}"), **api)["Items"] for part in ("stages", "routes", "integrations")}
            document["apis"].append(told(two.get_api, **api) | {"region": region} | parts)
        for item in one.get_rest_apis()["items"]:
            api = {"restApiId": item["id"]}
            resources = told(one.get_resources, **api, embed=["methods"])["items"]
            parts = {"stages": told(one.get_stages, **api)["item"], "resources": resources}
            document["apis"].append(told(one.get_rest_api, **api) | {"region": region} | parts)
    for region in {*regions, GLOBAL}:
        acm = client("acm", region)
        for item in acm.list_certificates()["CertificateSummaryList"]:
            arn = {"CertificateArn": item["CertificateArn"]}
            document["certificates"].append(told(acm.describe_certificate, **arn)["Certificate"])
    for item in functions.list_functions()["Functions"]:
        name = {"FunctionName": item["FunctionName"]}
        policy = first((functions.get_policy, name)).get("Policy")
        urls = first((functions.get_function_url_config, name))
        more = {"region": HOME, "url_configs": [urls] if urls else [], "policy": json.loads(policy) if policy else {"Statement": []}}
        document["functions"].append(told(functions.get_function_configuration, **name) | more)
    return document


accounts = {",".join(regions): account(regions) for regions in ([HOME], [HOME, "us-west-2"])}
said = {"http": http, "rest": rest, "target": target, "url": url, "function": function, "closed": closed, "split": split, "accounts": accounts}
print(json.dumps(said, default=lambda moment: moment.isoformat()), flush=True)
sys.stdin.read()
server.stop()
