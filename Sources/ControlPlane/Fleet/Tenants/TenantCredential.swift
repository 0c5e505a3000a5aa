import Digests
import FoundationEssentials

/// The credential of an instance: its token and the organisation that it says it is.
package struct TenantCredential: Sendable {
    package var orgID: UUID
    package var token: TokenHash

    package init(orgID: UUID, token: TokenHash) {
        self.orgID = orgID
        self.token = token
    }
}

/// The tenant that a request comes from, by its admin token.
package struct TenantIdentity: Sendable {
    package var orgID: UUID
}
