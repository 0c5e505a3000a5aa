import Synchronization

/// What of an AMI the platform reads. Source: the data type Image.
struct EC2Image: Decodable, Sendable {
    var imageId: String
    /// `/dev/xvda` of Debian's and Amazon Linux's, `/dev/sda1` of Ubuntu's.
    var rootDeviceName: String?
}

struct DescribeImagesAnswer: Decodable {
    var imagesSet: ItemSet<EC2Image>
}

extension EC2Client {
    /// How an AMI calls its root volume. RunInstances must use that name for what it says about the root:
    /// under any other it adds a second volume, and the root stays as the AMI has it, in size, encryption and
    /// content.
    ///
    /// An AMI does not change: each is asked for once in the life of the client.
    /// - Throws: `InvalidAMIID.NotFound`.
    package func rootDevice(ofImage id: String) async throws -> String {
        if let known = rootDevices.name(image: id) { return known }
        let operation = "DescribeImages"
        let answer = try await call("DescribeImages", [("ImageId.1", id)], as: DescribeImagesAnswer.self)
        guard let image = answer.imagesSet.items.first(where: { $0.imageId == id }) else {
            throw refusal(operation, "InvalidAMIID.NotFound", "The answer holds no image \(id).")
        }
        guard let name = image.rootDeviceName, !name.isEmpty else {
            throw refusal(operation, "no_root_device", "The image \(id) has no root device on a volume.")
        }
        rootDevices.keep(name, image: id)
        return name
    }

    private func refusal(_ operation: String, _ code: String, _ message: String) -> ProviderError {
        ProviderError(
            service: "ec2", operation: operation, status: 200, code: code, message: message,
            mayHaveTakenEffect: false)
    }
}

/// Names of root devices by AMI.
final class RootDevices: Sendable {
    private let names = Mutex<[String: String]>([:])

    func name(image: String) -> String? { names.withLock { $0[image] } }

    func keep(_ name: String, image: String) { names.withLock { $0[image] = name } }
}
