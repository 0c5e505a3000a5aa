import FoundationEssentials
import Hummingbird

/// Who changes something, and from where: what the audit log keeps of a caller.
struct RequestOrigin: Sendable {
    /// The credential that was presented, or what acts by itself.
    enum Kind: String, Sendable, CaseIterable {
        /// Nobody proved who they are: a boot token's route, or a public one.
        case anyone
        case `operator`, user, tenant
        case partnerKey = "partner_key"
        case orgToken = "org_token"
        /// Named by its kind; its id stands for the request's.
        case workflow
        /// A part of the service that works by itself, as the reconciler.
        case service
        /// A person at the service's own command line.
        case command
    }

    var kind: Kind
    /// Of the credential or the user, as a person finds it again; never the credential itself.
    var name: String
    var address: String?
    var requestID: String?
}

extension RequestOrigin {
    static func workflow(_ kind: String, id: UUID? = nil) -> RequestOrigin {
        RequestOrigin(kind: .workflow, name: kind, requestID: id?.text)
    }

    static func service(_ name: String) -> RequestOrigin { RequestOrigin(kind: .service, name: name) }
    static func command(_ name: String) -> RequestOrigin { RequestOrigin(kind: .command, name: name) }
}

extension AppContext {
    /// The caller as the gate has proved it, and where the request came from.
    var origin: RequestOrigin {
        let (kind, name): (RequestOrigin.Kind, String) =
            switch caller {
            case .anyone: (.anyone, "")
            case .operator(let identity): (.operator, identity.name)
            case .tenant(let identity): (.tenant, identity.orgID.text)
            case .user(let identity): (.user, identity.id)
            case .key(let credential):
                (credential.kind == .partner ? .partnerKey : .orgToken, credential.label)
            }
        return RequestOrigin(kind: kind, name: name, address: clientAddress, requestID: id)
    }
}
