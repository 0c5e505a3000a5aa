import FoundationEssentials

/// What of an instance the platform reads. Source: the data type Instance.
struct EC2Instance: Decodable, Sendable {
    var id: String
    /// `pending`, `running`, `shutting-down`, `terminated`, `stopping` or `stopped`.
    var state: String
    var privateIPAddress: String?
    var clientToken: String?
    var instanceType: String?
    var imageID: String?
    var subnetID: String?
    var launchedAt: Date?
    /// Attached volumes; often empty right after the launch.
    var volumeIDs: [String]
    /// The one among them that it boots from.
    var rootVolumeID: String?
    var tags: [String: String]

    private enum CodingKeys: String, CodingKey {
        case instanceId, instanceState, privateIpAddress, clientToken, instanceType, tagSet
        case blockDeviceMapping, rootDeviceName, imageId, subnetId, launchTime
    }

    private struct State: Decodable { var name: String }

    private struct BlockDevice: Decodable, Sendable {
        struct Volume: Decodable, Sendable { var volumeId: String }
        var deviceName: String?
        var ebs: Volume?
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        id = try container.decode(String.self, forKey: .instanceId)
        state = try container.decode(State.self, forKey: .instanceState).name
        privateIPAddress = try container.decodeIfPresent(String.self, forKey: .privateIpAddress)
            .flatMap { $0.isEmpty ? nil : $0 }
        clientToken = try container.decodeIfPresent(String.self, forKey: .clientToken)
        instanceType = try container.decodeIfPresent(String.self, forKey: .instanceType)
        imageID = try container.decodeIfPresent(String.self, forKey: .imageId)
        subnetID = try container.decodeIfPresent(String.self, forKey: .subnetId)
        launchedAt = try container.decodeIfPresent(String.self, forKey: .launchTime).flatMap(awsDate)
        let devices = try? container.decodeIfPresent(ItemSet<BlockDevice>.self, forKey: .blockDeviceMapping)
        volumeIDs = devices?.items.compactMap(\.ebs?.volumeId) ?? []
        let root = try container.decodeIfPresent(String.self, forKey: .rootDeviceName)
        rootVolumeID =
            devices?.items.first { $0.deviceName == root && $0.ebs != nil }?.ebs?.volumeId ?? volumeIDs.first
        tags = try container.decodeIfPresent(ItemSet<EC2Tag>.self, forKey: .tagSet)?.dictionary ?? [:]
    }
}

/// EC2's lists: `<set><item>...</item></set>`, with no item when empty.
struct ItemSet<Item: Decodable & Sendable>: Decodable, Sendable {
    var items: [Item]

    private enum CodingKeys: String, CodingKey { case item }

    init(from decoder: any Decoder) throws {
        items =
            try decoder.container(keyedBy: CodingKeys.self).decodeIfPresent([Item].self, forKey: .item) ?? []
    }
}

struct RunInstancesAnswer: Decodable {
    var instancesSet: ItemSet<EC2Instance>
}

struct DescribeInstancesAnswer: Decodable {
    struct Reservation: Decodable, Sendable {
        var instancesSet: ItemSet<EC2Instance>
    }

    var reservationSet: ItemSet<Reservation>
    var nextToken: String?
}

struct ConsoleOutputAnswer: Decodable {
    var output: String?
}

/// An answer of which nothing but its success matters.
struct RequestOnly: Decodable {
    var requestId: String?
}

struct EC2Tag: Decodable, Sendable {
    var key: String
    var value: String?
}

extension ItemSet<EC2Tag> {
    var dictionary: [String: String] {
        Dictionary(items.map { ($0.key, $0.value ?? "") }, uniquingKeysWith: { $1 })
    }
}

/// Source: the data types Volume and Snapshot.
struct EC2Volume: Decodable, Sendable {
    var volumeId: String
    /// `creating`, `available`, `in-use`, `deleting`, `deleted` or `error`.
    var status: String
    /// GiB.
    var size: Int?
    var createTime: String?
    var attachmentSet: ItemSet<Attachment>?
    var tagSet: ItemSet<EC2Tag>?

    struct Attachment: Decodable, Sendable { var instanceId: String? }
}

struct EC2Snapshot: Decodable, Sendable {
    var snapshotId: String
    /// `pending`, `completed` or `error`.
    var status: String
    /// GiB of the volume.
    var volumeSize: Int?
    var startTime: String?
    var tagSet: ItemSet<EC2Tag>?
}

struct DescribeVolumesAnswer: Decodable {
    var volumeSet: ItemSet<EC2Volume>
    var nextToken: String?
}

struct DescribeSnapshotsAnswer: Decodable {
    var snapshotSet: ItemSet<EC2Snapshot>
    var nextToken: String?
}

/// `2026-01-02T03:04:05.000Z`, with or without the fraction.
func awsDate(_ text: String) -> Date? {
    (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
        ?? (try? Date(text, strategy: Date.ISO8601FormatStyle()))
}
