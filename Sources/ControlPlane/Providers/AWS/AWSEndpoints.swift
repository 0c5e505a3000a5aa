/// Which of AWS's own endpoints are called. Source: botocore's partitions and endpoint rule sets, to which a
/// test holds this.
package struct AWSEndpoints: Sendable {
    /// Those that answer over IPv6 as well.
    package var usesDualStack: Bool
    /// Those whose cryptography is validated by FIPS 140.
    package var usesFIPS: Bool

    package init(usesDualStack: Bool = false, usesFIPS: Bool = false) {
        self.usesDualStack = usesDualStack
        self.usesFIPS = usesFIPS
    }

    package func host(of service: String, region: String) -> String {
        let partition = Partition.of(region: region)
        let suffix = usesDualStack ? partition.dualStackSuffix : partition.suffix
        // In GovCloud these are validated under their usual names.
        let isValidatedAnyway =
            partition.isGovCloud && !usesDualStack && ["ec2", "ssm"].contains(service)
        let name = usesFIPS && !isValidatedAnyway ? service + "-fips" : service
        // ECR's API stands beside the registries themselves, which have the service's own name.
        let prefix = service == "ecr" && !usesDualStack ? "api." : ""
        return "\(prefix)\(name).\(region).\(suffix)"
    }

    /// Regions under one administration, with domains of their own.
    private struct Partition {
        var regionPrefix: String
        var suffix: String
        var dualStackSuffix: String

        var isGovCloud: Bool { regionPrefix == "us-gov-" }

        /// The commercial one, which a region belongs to that is none of another's.
        static let commercial = Partition(
            regionPrefix: "", suffix: "amazonaws.com", dualStackSuffix: "api.aws")

        static let others = [
            Partition(
                regionPrefix: "cn-", suffix: "amazonaws.com.cn",
                dualStackSuffix: "api.amazonwebservices.com.cn"),
            Partition(regionPrefix: "us-gov-", suffix: "amazonaws.com", dualStackSuffix: "api.aws"),
            Partition(regionPrefix: "us-iso-", suffix: "c2s.ic.gov", dualStackSuffix: "api.aws.ic.gov"),
            Partition(regionPrefix: "us-isob-", suffix: "sc2s.sgov.gov", dualStackSuffix: "api.aws.scloud"),
            Partition(
                regionPrefix: "eu-isoe-", suffix: "cloud.adc-e.uk",
                dualStackSuffix: "api.cloud-aws.adc-e.uk"),
            Partition(
                regionPrefix: "us-isof-", suffix: "csp.hci.ic.gov", dualStackSuffix: "api.aws.hci.ic.gov"),
            Partition(
                regionPrefix: "eusc-de-", suffix: "amazonaws.eu",
                dualStackSuffix: "api.amazonwebservices.eu"),
        ]

        static func of(region: String) -> Partition {
            others.first { region.hasPrefix($0.regionPrefix) } ?? commercial
        }
    }
}
