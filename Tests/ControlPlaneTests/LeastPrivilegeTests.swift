import Foundation
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// What deploy/ asks the providers to allow, against the calls that the code makes.
@Suite struct LeastPrivilegeTests {
    /// Allowed and called by nobody here: launching passes a role; the registry asks for the token's rights.
    private static let indirect: Set<String> = [
        "iam:PassRole", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer",
    ]

    private struct Policy: Decodable {
        struct Statement: Decodable {
            var name: String
            var effect: String
            var actions: OneOrMany
            var resources: OneOrMany
            var conditions: [String: [String: OneOrMany]]?

            enum CodingKeys: String, CodingKey {
                case name = "Sid"
                case effect = "Effect"
                case actions = "Action"
                case resources = "Resource"
                case conditions = "Condition"
            }
        }

        var statements: [Statement]

        enum CodingKeys: String, CodingKey { case statements = "Statement" }
    }

    private struct OneOrMany: Decodable {
        var values: [String]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            let one = try? container.decode(String.self)
            values = try one.map { [$0] } ?? container.decode([String].self)
        }
    }

    private func policy() throws -> Policy {
        let data = try Data(contentsOf: URL(filePath: "\(packageRoot)/deploy/aws-iam-policy.json"))
        return try JSONDecoder().decode(Policy.self, from: data)
    }

    /// The operations that a client file names where it calls, as `service:Operation`.
    private func operations(_ file: String, _ service: String) throws -> Set<String> {
        let path = "\(packageRoot)/Sources/ControlPlane/Providers/AWS/\(file).swift"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let calls = text.matches(of: #/(?:call|pages)\(\s*"([A-Z]\w+)"/#).map(\.output.1)
        let named = text.matches(of: #/operation = "([A-Z]\w+)"/#).map(\.output.1)
        return Set((calls + named).map { "\(service):\($0)" })
    }

    @Test func theAWSPolicyAllowsWhatIsCalledAndNothingElse() throws {
        let files = [
            ("EC2Client", "ec2"), ("EC2Repairs", "ec2"), ("SSMClient", "ssm"), ("KMSClient", "kms"),
            ("ECRClient", "ecr"),
        ]
        let called = try files.reduce(into: Set<String>()) { try $0.formUnion(operations($1.0, $1.1)) }
        #expect(called.count >= 15)
        let allowed = Set(try policy().statements.flatMap(\.actions.values))
        #expect(allowed.subtracting(Self.indirect) == called)
    }

    @Test func noStatementIsWiderThanItMustBe() throws {
        for statement in try policy().statements {
            #expect(statement.effect == "Allow")
            #expect(!statement.actions.values.contains { $0.contains("*") }, "\(statement.name)")
            guard statement.resources.values.contains("*") else { continue }
            // AWS knows no resource for these; they change nothing.
            let looks = ["Describe", "List", "GetAuthorizationToken"]
            for action in statement.actions.values {
                #expect(looks.contains { action.contains(":" + $0) }, "\(statement.name): \(action)")
            }
        }
    }

    /// What ends or changes something is bound to this platform's tag.
    @Test func whatChangesThingsIsBoundToOurTag() throws {
        let changing = ["Terminate", "Start", "Stop", "Modify", "Delete", "CreateSnapshot", "SendCommand"]
        for statement in try policy().statements
        where statement.resources.values.contains(where: { $0.contains("ec2") && $0.contains("*") }) {
            let actions = statement.actions.values
            guard actions.contains(where: { action in changing.contains { action.contains($0) } }) else {
                continue
            }
            let keys = (statement.conditions ?? [:]).values.flatMap(\.keys)
            #expect(keys.contains { $0.hasSuffix("Tag/\(ResourceTag.platform)") }, "\(statement.name)")
        }
    }

    private struct Token: Decodable {
        struct Policy: Decodable {
            struct Group: Decodable { var name: String }
            var resources: [String: String]
            var groups: [Group]

            enum CodingKeys: String, CodingKey {
                case resources
                case groups = "permission_groups"
            }
        }
        var policies: [Policy]
    }

    /// Tunnels belong to an account, records to a zone; a client path outside of both needs another group.
    @Test func theCloudflareTokenReachesWhatTheClientCalls() throws {
        let folder = "\(packageRoot)/Sources/ControlPlane/Providers/Cloudflare"
        let text = try ["CloudflareClient", "CloudflareLists"].map {
            try String(contentsOfFile: "\(folder)/\($0).swift", encoding: .utf8)
        }.joined()
        let roots = Set(text.matches(of: #/"\/(accounts|zones)\/\\\(\w+\)\/(\w+)/#).map { "\($0.1)/\($0.2)" })
        #expect(roots == ["accounts/cfd_tunnel", "zones/dns_records"])

        let data = try Data(contentsOf: URL(filePath: "\(packageRoot)/deploy/cloudflare-token.json"))
        let token = try JSONDecoder().decode(Token.self, from: data)
        let granted = token.policies.map { policy in
            (policy.resources.keys.first ?? "", policy.groups.map(\.name))
        }
        #expect(granted.count == 2)
        for (resource, groups) in granted {
            #expect(groups == [resource.contains(".zone.") ? "DNS Write" : "Cloudflare Tunnel Write"])
        }
    }
}
