import FoundationEssentials

/// A difference between what the platform's rows say and what the cloud shows.
struct Finding: Sendable, Equatable {
    enum Category: String, Sendable, Codable {
        /// In the cloud, this platform's, and not to be kept.
        case orphan
        /// In the rows, and gone from the cloud.
        case ghost
        /// There, and not as it should be.
        case drift
    }

    enum Code: String, Sendable, Codable, CaseIterable {
        case orphan, gone
        case instanceStopped = "instance_stopped"
        case instanceTypeChanged = "instance_type_changed"
        case imageDigestWrong = "image_digest_wrong"
        case recordMissing = "record_missing"
        case recordWrong = "record_wrong"
        case tunnelDisconnected = "tunnel_disconnected"
        /// Kept again, for example adopted, and still marked as an orphan.
        case quarantineLeft = "quarantine_left"

        var category: Category {
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
    struct Key: Sendable, Hashable {
        var code: String
        var kind: String
        var place: String
        var resource: String
    }

    var code: Code
    var kind: ResourceLedger.Kind
    /// The provider's id, or the name of what is missing.
    var resource: String
    var place: String
    var name: String
    var orgID: UUID?
    var slug: String?
    var detail: String
    var monthlyUSD: Double?
    var quarantinedAt: Date?
    /// Whether any row ever knew the organisation.
    var isOrgKnown = true
    /// Of a ghost: whether a living row of the ledger names it, beside the tenant's.
    var isInLedger = true

    var key: Key {
        Key(code: code.rawValue, kind: kind.rawValue, place: place, resource: resource)
    }
}
