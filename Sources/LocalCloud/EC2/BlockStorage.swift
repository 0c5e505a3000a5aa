#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A volume that a launch asks for.
struct VolumeRequest: Sendable {
    var deviceName: String
    /// nil: as large as the snapshot, or 8.
    var sizeGiB: Int?
    var kind: String
    var encrypted: Bool
    var deleteOnTermination: Bool
    var snapshotID: String?
    var tags: [String: String]
}

struct Volume: Sendable {
    let id: String
    /// Its place in the order of creation.
    let ordinal: Int
    let deviceName: String
    let sizeGiB: Int
    let kind: String
    let encrypted: Bool
    let deleteOnTermination: Bool
    let snapshotID: String?
    let zone: String
    let createdAt: Date
    let visibleAt: ContinuousClock.Instant
    /// nil once it outlived its instance.
    var instanceID: String?
    var tags: [String: String]

    var state: String { instanceID == nil ? "available" : "in-use" }
}

struct Snapshot: Sendable {
    enum State: String, Sendable { case pending, completed, error }

    let id: String
    let ordinal: Int
    let volumeID: String
    let sizeGiB: Int
    let encrypted: Bool
    let description: String
    let startedAt: Date
    let visibleAt: ContinuousClock.Instant
    var state = State.pending
    var tags: [String: String]
}

/// The account's volumes and snapshots.
struct BlockStorage: Sendable {
    static let standardSizeGiB = 8

    private(set) var volumes: [String: Volume] = [:]
    private(set) var snapshots: [String: Snapshot] = [:]
    private var created = 0

    /// In the order of creation, as a read sees them.
    var visibleVolumes: [Volume] {
        volumes.values.filter(\.visibleAt.isPast).sorted { $0.ordinal < $1.ordinal }
    }
    var visibleSnapshots: [Snapshot] {
        snapshots.values.filter(\.visibleAt.isPast).sorted { $0.ordinal < $1.ordinal }
    }

    // MARK: Volumes

    /// Refuses a launch from a snapshot that is not there or not complete.
    func check(_ requests: [VolumeRequest]) throws {
        for request in requests {
            guard let id = request.snapshotID else { continue }
            let snapshot = try snapshot(id)
            guard snapshot.state == .completed else {
                throw AWSError("IncorrectState", "Snapshot '\(id)' is not in state 'completed'")
            }
            if let size = request.sizeGiB, size < snapshot.sizeGiB {
                throw AWSError(
                    "InvalidBlockDeviceMapping",
                    "Volume of size \(size)GB is smaller than snapshot '\(id)', expect size >= "
                        + "\(snapshot.sizeGiB)GB")
            }
        }
    }

    mutating func attach(
        _ request: VolumeRequest, to instance: String, zone: String, visibleAt: ContinuousClock.Instant
    ) -> Volume {
        created += 1
        let size = request.sizeGiB ?? request.snapshotID.flatMap { snapshots[$0]?.sizeGiB }
        let volume = Volume(
            id: ResourceID.random("vol"), ordinal: created, deviceName: request.deviceName,
            sizeGiB: size ?? Self.standardSizeGiB, kind: request.kind, encrypted: request.encrypted,
            deleteOnTermination: request.deleteOnTermination, snapshotID: request.snapshotID, zone: zone,
            createdAt: Date(), visibleAt: visibleAt, instanceID: instance, tags: request.tags)
        volumes[volume.id] = volume
        return volume
    }

    func volume(_ id: String) throws -> Volume {
        guard ResourceID.isWellFormed(id, "vol") else {
            throw AWSError("InvalidParameterValue", "Value (\(id)) for parameter volume is invalid.")
        }
        guard let volume = volumes[id], volume.visibleAt.isPast else {
            throw AWSError("InvalidVolume.NotFound", "The volume '\(id)' does not exist.")
        }
        return volume
    }

    /// The instance is gone, and with it what was to go with it.
    mutating func release(from instance: String) {
        for volume in volumes.values where volume.instanceID == instance {
            if volume.deleteOnTermination {
                volumes[volume.id] = nil
            } else {
                volumes[volume.id]?.instanceID = nil
            }
        }
    }

    mutating func deleteVolume(_ id: String) throws {
        if let instance = try volume(id).instanceID {
            throw AWSError("VolumeInUse", "Volume \(id) is currently attached to \(instance)")
        }
        volumes[id] = nil
    }

    // MARK: Snapshots

    func snapshot(_ id: String) throws -> Snapshot {
        guard ResourceID.isWellFormed(id, "snap") else {
            throw AWSError("InvalidSnapshotID.Malformed", "Invalid id: \"\(id)\" (expecting \"snap-...\")")
        }
        guard let snapshot = snapshots[id], snapshot.visibleAt.isPast else {
            throw AWSError("InvalidSnapshot.NotFound", "The snapshot '\(id)' does not exist.")
        }
        return snapshot
    }

    mutating func beginSnapshot(
        of volume: Volume, description: String, tags: [String: String], visibleAt: ContinuousClock.Instant
    ) -> Snapshot {
        created += 1
        let snapshot = Snapshot(
            id: ResourceID.random("snap"), ordinal: created, volumeID: volume.id, sizeGiB: volume.sizeGiB,
            encrypted: volume.encrypted, description: description, startedAt: Date(), visibleAt: visibleAt,
            tags: tags)
        snapshots[snapshot.id] = snapshot
        return snapshot
    }

    mutating func endSnapshot(_ id: String, _ state: Snapshot.State) { snapshots[id]?.state = state }

    mutating func deleteSnapshot(_ id: String) throws {
        _ = try snapshot(id)
        snapshots[id] = nil
    }

    // MARK: Tags

    /// nil when the id is of neither kind.
    func tags(_ id: String) throws -> [String: String]? {
        if id.hasPrefix("vol-") { return try volume(id).tags }
        if id.hasPrefix("snap-") { return try snapshot(id).tags }
        return nil
    }

    mutating func setTags(_ id: String, _ tags: [String: String]) {
        volumes[id]?.tags = tags
        snapshots[id]?.tags = tags
    }
}
