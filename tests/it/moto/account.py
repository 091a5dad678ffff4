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


def certificate(region, *names):
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
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365))
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

print(json.dumps({"http": http, "rest": rest, "target": target, "url": url, "function": function}), flush=True)
sys.stdin.read()
server.stop()
