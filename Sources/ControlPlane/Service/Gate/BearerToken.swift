import AdminProtocol
import Digests
import Fleet
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Organisations

/// `Authorization: Bearer <token>`
enum BearerToken {
    /// Longest token that is looked at, in characters.
    static let maximumLength = 512

    static func hash(in request: Request) throws -> TokenHash { TokenHash(of: try text(in: request)) }

    static func text(in request: Request) throws -> String {
        guard let header = request.headers[.authorization], header.hasPrefix("Bearer "),
            (8...(maximumLength + 7)).contains(header.utf8.count)
        else { throw AppError.unauthenticated }
        return String(header.dropFirst(7))
    }
}

/// The credential of an instance, from its headers.
extension TenantCredential {
    package init(_ request: Request) throws {
        guard let text = request.headers[.moleculeOrgID], let orgID = UUID(uuidString: text) else {
            throw AppError.unauthenticated
        }
        self.init(orgID: orgID, token: try BearerToken.hash(in: request))
    }
}

extension HTTPField.Name {
    static let moleculeOrgID = HTTPField.Name("X-Molecule-Org-Id")!
}
