#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The actions of an IAM policy document, as a caller is held to them. Resources and conditions are not
/// judged: they name things of a real account.
struct Policy: Sendable {
    /// `service:Operation`, without patterns.
    let actions: Set<String>

    private struct Document: Decodable {
        var statements: [Statement]
        enum CodingKeys: String, CodingKey { case statements = "Statement" }
    }

    private struct Statement: Decodable {
        var effect: String
        var actions: [String]

        enum CodingKeys: String, CodingKey {
            case effect = "Effect"
            case actions = "Action"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            effect = try container.decode(String.self, forKey: .effect)
            let one = try? container.decode(String.self, forKey: .actions)
            actions = try one.map { [$0] } ?? container.decode([String].self, forKey: .actions)
        }
    }

    init(file: String) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: file))
        let document = try JSONDecoder().decode(Document.self, from: data)
        actions = Set(document.statements.filter { $0.effect == "Allow" }.flatMap(\.actions))
    }

    /// nil: it is allowed. Source: the "Common errors" of the EC2 and of the JSON services' references.
    func refusal(of action: String) -> AWSError? {
        guard !actions.contains(action) else { return nil }
        let message =
            "User is not authorized to perform: \(action) because no identity-based policy allows it"
        return action.hasPrefix("ec2:")
            ? AWSError("UnauthorizedOperation", message, status: 403)
            : AWSError("AccessDeniedException", message)
    }
}
