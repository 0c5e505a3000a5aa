import FoundationEssentials

/// A difference between what the platform's rows say and what the cloud shows.
package struct Finding: Sendable, Equatable {
    package enum Category: String, Sendable, Codable {
        /// In the cloud, this platform's, and not to be kept.
        case orphan
        /// In the rows, and gone from the cloud.
        case ghost
        /// There, and not as it should be.
        case drift
    }

    package enum Code: String, Sendable, Codable, CaseIterable {
        case orphan, gone
        case instanceStopped = "instance_stopped"
        case instanceTypeChanged = "instance_type_changed"
        case imageDigestWrong = "image_digest_wrong"
        case recordMissing = "record_missing"
        case recordWrong = "record_wrong"
        case tunnelDisconnected = "tunnel_disconnected"
        /// Kept again, for example adopted, and still marked as an orphan.
        case quarantineLeft = "quarantine_left"

        package var category: Category {
            switch self {
            case .orphan: .orphan
            case .gone: .ghost
            default: .drift
            }
        }

        /// Safe to put right without asking anybody.
        var isMendable: Bool {
            [.instanceStopped, .recordMissing, .recordWrong, .tunnelDisconnected].contains(self)
        }
    }

    /// By which it is the same finding in the next run.
    package struct Key: Sendable, Hashable {
        package var code: String
        package var kind: String
        package var place: String
        var resource: String

        package init(code: String, kind: String, place: String, resource: String) {
            self.code = code
            self.kind = kind
            self.place = place
            self.resource = resource
        }
    }

    package var code: Code
    package var kind: ResourceLedger.Kind
    /// The provider's id, or the name of what is missing.
    var resource: String
    package var place: String
    package var name: String
    package var orgID: UUID?
    package var slug: String?
    package var detail: String
    package var monthlyUSD: Double?
    var quarantinedAt: Date?
    /// Whether any row ever knew the organisation.
    var isOrgKnown = true
    /// Of a ghost: whether a living row of the ledger names it, beside the tenant's.
    var isInLedger = true

    package var key: Key {
        Key(code: code.rawValue, kind: kind.rawValue, place: place, resource: resource)
    }
}
