import Arithmetic
import FoundationEssentials

/// What of an instance the platform reads. Source: the data type Instance.
package struct EC2Instance: Decodable, Sendable {
    package var id: String
    /// `pending`, `running`, `shutting-down`, `terminated`, `stopping` or `stopped`.
    package var state: String
    package var privateIPAddress: String?
    package var clientToken: String?
    package var instanceType: String?
    package var imageID: String?
    package var subnetID: String?
    package var launchedAt: Date?
    /// Attached volumes; often empty right after the launch.
    package var volumeIDs: [String]
    /// The one among them that it boots from.
    package var rootVolumeID: String?
    package var tags: [String: String]

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

    package init(from decoder: any Decoder) throws {
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
package struct ItemSet<Item: Decodable & Sendable>: Decodable, Sendable {
    package var items: [Item]

    private enum CodingKeys: String, CodingKey { case item }

    package init(from decoder: any Decoder) throws {
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

package struct EC2Tag: Decodable, Sendable {
    package var key: String
    package var value: String?
}

extension ItemSet<EC2Tag> {
    package var dictionary: [String: String] {
        Dictionary(items.map { ($0.key, $0.value ?? "") }, uniquingKeysWith: { $1 })
    }
}

/// Source: the data types Volume and Snapshot.
package struct EC2Volume: Decodable, Sendable {
    package var volumeId: String
    /// `creating`, `available`, `in-use`, `deleting`, `deleted` or `error`.
    package var status: String
    /// GiB.
    package var size: Int?
    package var createTime: String?
    package var attachmentSet: ItemSet<Attachment>?
    package var tagSet: ItemSet<EC2Tag>?

    package struct Attachment: Decodable, Sendable { package var instanceId: String? }
}

package struct EC2Snapshot: Decodable, Sendable {
    package var snapshotId: String
    /// `pending`, `completed` or `error`.
    package var status: String
    /// GiB of the volume.
    package var volumeSize: Int?
    package var startTime: String?
    package var tagSet: ItemSet<EC2Tag>?
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
package func awsDate(_ text: String) -> Date? {
    let date =
        (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
        ?? (try? Date(text, strategy: Date.ISO8601FormatStyle()))
    // A time that no row can hold is none: with it a tag could stop the reconciler.
    return date.flatMap { Date.storable.contains($0) ? $0 : nil }
}
