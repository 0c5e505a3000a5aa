import FoundationEssentials

/// Who changes something, and from where: what the audit log keeps of a caller.
package struct RequestOrigin: Sendable {
    /// The credential that was presented, or what acts by itself.
    package enum Kind: String, Sendable, CaseIterable {
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

    package var kind: Kind
    /// Of the credential or the user, as a person finds it again; never the credential itself.
    package var name: String
    package var address: String?
    package var requestID: String?

    package init(kind: Kind, name: String, address: String? = nil, requestID: String? = nil) {
        self.kind = kind
        self.name = name
        self.address = address
        self.requestID = requestID
    }
}

extension RequestOrigin {
    package static func workflow(_ kind: String, id: UUID? = nil) -> RequestOrigin {
        RequestOrigin(kind: .workflow, name: kind, requestID: id?.text)
    }

    package static func service(_ name: String) -> RequestOrigin { RequestOrigin(kind: .service, name: name) }
    package static func command(_ name: String) -> RequestOrigin { RequestOrigin(kind: .command, name: name) }
}
