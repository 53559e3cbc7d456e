"""ECR's tokens, from each place where AWS puts keys; the servers check what they are sent."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from promoter.access.credentials import Credential, Credentials
from promoter.access.credentials.clouds.aws import Ecr
from promoter.access.credentials.clouds.aws_signature import Keys, sign
from promoter.access.http import HttpClient
from promoter.access.redaction import redact
from promoter.errors import InputError, TransientError
from tests.services.misbehaving import Answer, Request, Server, json_answer, serving

HOST = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TWELVE_HOURS = 12 * 3600.0
ACCESS, SECRET, SESSION = "AKIDEXAMPLE", "canary-secret-key", "canary-session"
KEYS_JSON = {"AccessKeyId": ACCESS, "SecretAccessKey": SECRET, "Token": SESSION, "Code": "Success"}
STATIC = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET}


def authorization(password: str = "canary-ecr", ends: float = TWELVE_HOURS) -> Answer:
    token = base64.b64encode(f"AWS:{password}".encode()).decode()
    data = {"authorizationToken": token, "expiresAt": NOW.timestamp() + ends}
    return json_answer({"authorizationData": [data]})


class Aws:
    """One server for all of AWS's endpoints, each at its own path, and a machine beside it."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.time = 0.0
        self.http = HttpClient(proxies={}, pause=lambda _: None)
        self.base = f"http://{server.host}"
        self.environment = {"AWS_ENDPOINT_URL_ECR": self.base, "AWS_ENDPOINT_URL_STS": self.base}
        server.answers["POST", "/"] = authorization()

    def load(self, ours: str = f"{HOST}: {{from: aws}}") -> Credentials:
        file = self.folder / "credentials.yaml"
        file.write_text(ours)
        return Credentials.load(
            file,
            environment=self.environment,
            http=lambda: self.http,
            now=lambda: NOW,
            clock=lambda: self.time,
        )

    def get(self) -> Credential | None:
        return self.load().of(HOST)("shop/web")

    @property
    def posts(self) -> list[Request]:
        return self.server.asked("POST", "/")


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Aws]:
    with serving({}) as server:
        aws = Aws(server, tmp_path)
        yield aws
        aws.http.close()


def check_signed(request: Request, keys: Keys, service: str = "ecr") -> None:
    """As AWS does: sign what arrived with the same keys, and compare."""
    names = ("Content-Type", "X-Amz-Target")
    expected = sign(
        "POST",
        f"http://{request.header('Host')}/",
        {name: request.header(name) or "" for name in names},
        request.body,
        keys=keys,
        region="us-east-1" if service == "ecr-public" else "eu-central-1",
        service=service,
        at=NOW,
    )
    for name in ("Authorization", "X-Amz-Date", "X-Amz-Security-Token"):
        assert request.header(name) == expected.get(name)


class TestSignature:
    """AWS's own test suite for Signature Version 4 ("aws-sig-v4-test-suite")."""

    KEYS = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    SESSION = (
        "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfp"
        "SPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQ"
        "DYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+s"
        "cqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
    )

    @pytest.mark.parametrize(
        ("method", "path", "headers", "body", "session", "signed", "signature"),
        [
            pytest.param(
                *("GET", "/", {}, b"", None, "host;x-amz-date"),
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
                id="get-vanilla",
            ),
            pytest.param(
                *("POST", "/", {}, b"", None, "host;x-amz-date"),
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
                id="post-vanilla",
            ),
            pytest.param(
                *("POST", "/", {"Content-Type": "application/x-www-form-urlencoded"}),
                *(b"Param1=value1", None, "content-type;host;x-amz-date"),
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
                id="post-x-www-form-urlencoded",
            ),
            pytest.param(
                *("GET", "/?Param2=value2&Param1=value1", {}, b"", None, "host;x-amz-date"),
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
                id="get-vanilla-query-order-key-case",
            ),
            pytest.param(
                *("GET", "/", {"My-Header1": " value1", "My-Header2": ' "a   b   c"'}, b"", None),
                "host;my-header1;my-header2;x-amz-date",
                "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
                id="get-header-value-trim",
            ),
            pytest.param(
                *("POST", "/", {}, b"", SESSION, "host;x-amz-date;x-amz-security-token"),
                "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
                id="post-sts-header-before",
            ),
        ],
    )
    def test_published_vectors(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        session: str | None,
        signed: str,
        signature: str,
    ) -> None:
        sent = sign(
            method,
            f"https://example.amazonaws.com{path}",
            headers,
            body,
            keys=Keys(self.KEYS.access, self.KEYS.secret, session),
            region="us-east-1",
            service="service",
            at=datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
        )
        assert sent["X-Amz-Date"] == "20150830T123600Z"
        assert sent.get("X-Amz-Security-Token") == session
        assert sent["Authorization"] == (
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,"
            f" SignedHeaders={signed}, Signature={signature}"
        )


class TestHosts:
    @pytest.mark.parametrize(
        ("host", "region", "api"),
        [
            (HOST, "eu-central-1", "api.ecr.eu-central-1.amazonaws.com"),
            (
                "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
                "us-gov-west-1",
                "ecr-fips.us-gov-west-1.amazonaws.com",
            ),
            (
                "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
                "cn-north-1",
                "api.ecr.cn-north-1.amazonaws.com.cn",
            ),
            (
                "123456789012.dkr-ecr.eu-west-1.on.aws",
                "eu-west-1",
                "ecr.eu-west-1.api.aws",
            ),
            (
                "123456789012.dkr-ecr-fips.us-east-1.on.aws",
                "us-east-1",
                "ecr-fips.us-east-1.api.aws",
            ),
            ("public.ecr.aws", "us-east-1", "api.ecr-public.us-east-1.amazonaws.com"),
        ],
    )
    def test_where_the_api_of_a_registry_is(self, host: str, region: str, api: str) -> None:
        ecr = Ecr.parse(host)
        assert ecr is not None
        assert (ecr.region, ecr.api) == (region, f"https://{api}/")

    @pytest.mark.parametrize(
        "host",
        [
            "12345.dkr.ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.org",
            "123456789012.dkr.ecr.evil.org/x.amazonaws.com",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com:5000",
            "123456789012.dkr.ecr.eu-west-1.on.aws",
            "dkr.ecr.eu-west-1.amazonaws.com",
            "harbor.example.com",
        ],
    )
    def test_what_only_looks_like_one(self, aws: Aws, host: str) -> None:
        aws.environment |= STATIC
        assert Ecr.parse(host) is None
        assert aws.load("").of(host)("shop/web") is None
        assert aws.server.requests == []


class TestKeys:
    EXPECTED = Credential("AWS", "canary-ecr", "password", "Amazon ECR")

    def test_of_the_environment(self, aws: Aws) -> None:
        aws.environment |= STATIC
        assert aws.get() == self.EXPECTED
        (request,) = aws.posts
        assert json.loads(request.body) == {"registryIds": ["123456789012"]}
        assert request.header("Content-Type") == "application/x-amz-json-1.1"
        assert request.header("X-Amz-Target") == (
            "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
        )
        check_signed(request, Keys(ACCESS, SECRET))

    def test_of_the_environment_with_a_session(self, aws: Aws) -> None:
        aws.environment |= {**STATIC, "AWS_SESSION_TOKEN": SESSION}
        assert aws.get() == self.EXPECTED
        check_signed(aws.posts[0], Keys(ACCESS, SECRET, SESSION))

    def test_the_public_gallery_by_its_own_api(self, aws: Aws) -> None:
        token = base64.b64encode(b"AWS:canary-public").decode()
        data = {"authorizationToken": token, "expiresAt": NOW.timestamp() + 60}
        aws.server.answers["POST", "/"] = json_answer({"authorizationData": data})
        aws.environment |= {**STATIC, "AWS_ENDPOINT_URL_ECR_PUBLIC": aws.base}
        assert aws.load("").of("public.ecr.aws")("nginx/nginx") is None
        found = aws.load("public.ecr.aws: {from: aws}").of("public.ecr.aws")("nginx/nginx")
        assert found is not None
        assert found.password == "canary-public"
        (request,) = aws.posts
        assert request.header("X-Amz-Target") == "SpencerFrontendService.GetAuthorizationToken"
        check_signed(request, Keys(ACCESS, SECRET), "ecr-public")

    def test_of_a_web_identity(self, aws: Aws) -> None:
        token = aws.folder / "token"
        token.write_text("canary.service.account\n")
        aws.environment |= {
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
            "AWS_ROLE_ARN": "arn:aws:iam::1:role/pull",
            "AWS_ROLE_SESSION_NAME": "shop",
        }
        sts = (
            "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
            f"<AccessKeyId>{ACCESS}</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>"
            f"<SessionToken>{SESSION}</SessionToken><Expiration>2026-11-20T13:00:00Z</Expiration>"
            "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
        )
        aws.server.answers["POST", "/"] = [Answer(200, {}, sts.encode()), authorization()]
        assert aws.get() == self.EXPECTED
        asked, request = aws.posts
        assert asked.header("Authorization") is None
        assert {name: each[0] for name, each in parse_qs(asked.body.decode()).items()} == {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": "arn:aws:iam::1:role/pull",
            "RoleSessionName": "shop",
            "WebIdentityToken": "canary.service.account",
        }
        check_signed(request, Keys(ACCESS, SECRET, SESSION))

    @pytest.mark.parametrize("url", ["http://sts.example.com", "http://10.0.0.1:4566", "sts"])
    @pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"])
    def test_a_web_identity_is_not_told_in_clear(self, aws: Aws, name: str, url: str) -> None:
        token = aws.folder / "token"
        token.write_text("canary.service.account\n")
        del aws.environment["AWS_ENDPOINT_URL_STS"]
        aws.environment |= {"AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_ROLE_ARN": "arn"}
        aws.environment[name] = url
        with pytest.raises(InputError, match=r"AWS_ENDPOINT_URL_STS .* must be an https address"):
            aws.get()

    def test_of_a_pod_identity(self, aws: Aws) -> None:
        token = aws.folder / "token"
        token.write_text("canary-pod\n")
        aws.server.answers["GET", "/v1/credentials"] = json_answer(KEYS_JSON)
        aws.environment |= {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{aws.base}/v1/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
        }
        assert aws.get() == self.EXPECTED
        (asked,) = aws.server.asked("GET", "/v1/credentials")
        assert asked.header("Authorization") == "canary-pod"
        check_signed(aws.posts[0], Keys(ACCESS, SECRET, SESSION))

    @pytest.mark.parametrize(
        "url",
        ["http://example.com/keys", "http://10.0.0.1/", "ftp://127.0.0.1", "http://[::1", "x"],
    )
    def test_a_container_agent_elsewhere_is_not_asked_in_clear(self, aws: Aws, url: str) -> None:
        aws.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url
        with pytest.raises(InputError, match="AWS_CONTAINER_CREDENTIALS_FULL_URI must be https"):
            aws.get()

    def test_of_the_instance(self, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # it must not go there
        folder = "/latest/meta-data/iam/security-credentials/"
        aws.server.answers |= {
            ("PUT", "/latest/api/token"): Answer(200, {}, b"canary-imds"),
            ("GET", folder): Answer(200, {}, b"pull-role\n"),
            ("GET", f"{folder}pull-role"): json_answer(KEYS_JSON),
        }
        aws.environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = aws.base
        assert aws.get() == self.EXPECTED
        (asked,) = aws.server.asked("PUT", "/latest/api/token")
        assert asked.header("X-aws-ec2-metadata-token-ttl-seconds") == "300"
        for path in (folder, f"{folder}pull-role"):
            (asked,) = aws.server.asked("GET", path)
            assert asked.header("X-aws-ec2-metadata-token") == "canary-imds"
        check_signed(aws.posts[0], Keys(ACCESS, SECRET, SESSION))

    def test_the_instance_is_not_asked_where_that_is_disabled(self, aws: Aws) -> None:
        aws.environment["AWS_EC2_METADATA_DISABLED"] = "true"
        with pytest.raises(InputError, match="the environment has none, and AWS_EC2_METADATA_DIS"):
            aws.get()

    def test_an_instance_without_a_role(self, aws: Aws) -> None:
        aws.server.answers |= {
            ("PUT", "/latest/api/token"): Answer(200, {}, b"canary-imds"),
            ("GET", "/latest/meta-data/iam/security-credentials/"): Answer(200, {}, b""),
        }
        aws.environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = aws.base
        with pytest.raises(InputError, match="the instance has no role; attach one"):
            aws.get()


class TestUnasked:
    def test_a_host_and_an_environment_beyond_doubt_are_enough(self, aws: Aws) -> None:
        aws.environment |= STATIC
        assert aws.load("").of(HOST)("shop/web") is not None

    def test_a_host_alone_is_not(self, aws: Aws) -> None:
        """Its metadata address would be another machine's: the test's guard fails on a try."""
        assert aws.load("").of(HOST)("shop/web") is None
        assert aws.server.requests == []

    def test_an_entry_of_any_kind_comes_first(self, aws: Aws) -> None:
        aws.environment |= STATIC
        found = aws.load(f"{HOST}: {{password: canary}}").of(HOST)("shop/web")
        assert found == Credential("promoter", "canary")
        assert aws.server.requests == []

    def test_from_another_cloud_or_host(self, aws: Aws) -> None:
        credentials = aws.load("a.example.com: {from: aws}")
        with pytest.raises(InputError) as caught:
            credentials.of("a.example.com")("shop/web")
        assert str(caught.value) == (
            f"{aws.folder}/credentials.yaml:1:1: a.example.com: from: aws: a.example.com is no"
            " registry of AWS's; its host begins with an account:"
            " 123456789012.dkr.ecr.REGION.amazonaws.com"
        )


class TestTime:
    def test_a_token_is_kept_until_shortly_before_its_end(self, aws: Aws) -> None:
        aws.environment |= STATIC
        ask = aws.load('"*.dkr.ecr.*.amazonaws.com": {from: aws}').of(HOST)
        first = ask("shop/web")
        for aws.time in (0.0, TWELVE_HOURS - 301):
            assert ask("shop/api") == first
        assert len(aws.posts) == 1
        aws.server.answers["POST", "/"] = authorization("canary-next")
        aws.time = TWELVE_HOURS - 299
        assert (second := ask("shop/web")) is not None
        assert second.password == "canary-next"

    def test_a_refused_token_is_replaced(self, aws: Aws) -> None:
        aws.environment |= STATIC
        ask = aws.load().of(HOST)
        first = ask("shop/web")
        aws.server.answers["POST", "/"] = authorization("canary-next")
        assert (second := ask("shop/web", first)) is not None
        assert second.password == "canary-next"

    def test_a_clock_that_is_wrong_does_not_ask_each_time(self, aws: Aws) -> None:
        aws.environment |= STATIC
        aws.server.answers["POST", "/"] = authorization(ends=-5.0)
        ask = aws.load().of(HOST)
        for _ in range(3):
            assert ask("shop/web") is not None
        assert len(aws.posts) == 1


class TestTrouble:
    @pytest.mark.parametrize(
        ("answer", "kind", "message"),
        [
            (
                json_answer(
                    {"__type": "AccessDeniedException", "message": "User: x is not authorized"}, 400
                ),
                InputError,
                r"refuses \(400\): AccessDeniedException: User: x is not authorized",
            ),
            (
                json_answer(
                    {"__type": "InvalidSignatureException", "message": "Signature expired"}, 403
                ),
                InputError,
                r"Signature expired; check this machine's clock",
            ),
            (
                json_answer({"__type": "ThrottlingException", "message": "Rate exceeded"}, 400),
                TransientError,
                "ThrottlingException: Rate exceeded",
            ),
            (Answer(503), TransientError, r"Amazon ECR: .* is in trouble \(503\)"),
            (Answer(200, {}, b"<html>"), TransientError, "answers with no JSON object"),
            (json_answer([]), TransientError, "answers with no JSON object"),
            (json_answer({}), TransientError, "gave no usable 'authorizationData'"),
            (
                json_answer({"authorizationData": [{"authorizationToken": "canary"}]}),
                TransientError,
                "gave no usable 'expiresAt'",
            ),
            (
                json_answer(
                    {"authorizationData": [{"authorizationToken": "canary", "expiresAt": 2e9}]}
                ),
                TransientError,
                "gave no usable 'authorizationToken'",
            ),
        ],
    )
    def test_what_the_api_says(
        self, aws: Aws, answer: Answer, kind: type[Exception], message: str
    ) -> None:
        aws.environment |= {**STATIC, "AWS_SESSION_TOKEN": SESSION}
        aws.server.answers["POST", "/"] = answer
        with pytest.raises(kind, match=message) as caught:
            aws.get()
        assert str(caught.value).startswith(f"{aws.folder}/credentials.yaml:1:1: {HOST}: ")
        assert "canary" not in str(caught.value)

    def test_what_sts_says(self, aws: Aws) -> None:
        token = aws.folder / "token"
        token.write_text("canary.service.account")
        aws.environment |= {
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
            "AWS_ROLE_ARN": "arn:aws:iam::1:role/pull",
        }
        said = (
            "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>Not"
            " authorized to perform sts:AssumeRoleWithWebIdentity canary.service.account"
            "</Message></Error></ErrorResponse>"
        )
        aws.server.answers["POST", "/"] = Answer(403, {}, said.encode())
        with pytest.raises(
            InputError, match=r"STS .* refuses \(403\): AccessDenied: Not authorized to perform .*"
        ) as caught:
            aws.get()
        assert "canary" not in str(caught.value)
        assert redact("canary.service.account") == "***"

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (None, "can't be read: No such file"),
            (b"\xff", "is not UTF-8"),
            (b" \n", "holds no token"),
        ],
    )
    def test_a_token_file_that_is_not_good(
        self, aws: Aws, content: bytes | None, message: str
    ) -> None:
        token = aws.folder / "token"
        if content is not None:
            token.write_bytes(content)
        aws.environment |= {"AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_ROLE_ARN": "arn:x"}
        with pytest.raises(InputError, match=f"AWS_WEB_IDENTITY_TOKEN_FILE {token} {message}"):
            aws.get()
        assert aws.server.requests == []

    def test_keys_that_are_no_keys(self, aws: Aws) -> None:
        aws.server.answers["GET", "/keys"] = json_answer({**KEYS_JSON, "Code": "Failed"})
        aws.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"{aws.base}/keys"
        with pytest.raises(TransientError, match="agent: no keys now; the role may be new or gone"):
            aws.get()
