import CurlHTTP
import Foundation
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import Organisations
@testable import Providers
@testable import Service

/// Where AWS is called, in every partition, with botocore's endpoint data as the judge.
@Suite struct AWSEndpointTests {
    private struct Job: Encodable {
        var service: String
        var fips: Bool
        var dualStack: Bool
    }

    private struct Answer: Decodable { var hosts: [String: String] }

    @Test func everyRegionsEndpointsAreThoseOfBotocore() throws {
        let jobs = ["ec2", "ssm", "kms", "ecr"].flatMap { service in
            [false, true].flatMap { fips in
                [false, true].map { Job(service: service, fips: fips, dualStack: $0) }
            }
        }
        let answers = try Oracle.ask("botocore_endpoints.py", jobs, as: Answer.self)
        #expect(answers.count == 16)
        for (job, answer) in zip(jobs, answers) {
            #expect(answer.hosts.count > 45)
            let endpoints = AWSEndpoints(usesDualStack: job.dualStack, usesFIPS: job.fips)
            for (region, host) in answer.hosts {
                #expect(endpoints.host(of: job.service, region: region) == host, "\(job)")
            }
        }
    }

    /// Down to the host that is signed, by the variables that AWS's own SDKs read.
    @Test(arguments: [
        ("cn-north-1", [:], "https://ec2.cn-north-1.amazonaws.com.cn"),
        ("eusc-de-east-1", [:], "https://ec2.eusc-de-east-1.amazonaws.eu"),
        ("us-gov-west-1", ["AWS_USE_FIPS_ENDPOINT": "true"], "https://ec2.us-gov-west-1.amazonaws.com"),
        ("us-east-1", ["AWS_USE_FIPS_ENDPOINT": "True"], "https://ec2-fips.us-east-1.amazonaws.com"),
        ("us-iso-east-1", ["AWS_USE_DUALSTACK_ENDPOINT": "true"], "https://ec2.us-iso-east-1.api.aws.ic.gov"),
        ("eu-west-1", ["AWS_ENDPOINT_URL": "http://127.0.0.1:9"], "http://127.0.0.1:9"),
    ])
    func theVariablesChooseTheEndpoint(region: String, more: [String: String], url: String) throws {
        let overrides = ["AWS_REGION": region, "AWS_ENDPOINT_URL": ""].merging(more) { $1 }
        let settings = try Configuration(environment: ExampleEnvironment.make(overrides)).aws
        #expect(AWSConnection(settings, http: HTTPClient()).endpoint(of: "ec2") == url)
    }

    @Test func anUnclearAnswerIsRefused() throws {
        let environment = try ExampleEnvironment.make(["AWS_USE_FIPS_ENDPOINT": "yes"])
        let error = #expect(throws: ConfigurationError.self) { try Configuration(environment: environment) }
        #expect(error?.problems == ["AWS_USE_FIPS_ENDPOINT: \"yes\" is not true or false."])
    }
}
