/// An AMI.
struct MachineImage: Sendable {
    /// Of Debian's and Amazon Linux's AMIs.
    static let debianRoot = "/dev/xvda"
    /// Of Ubuntu's.
    static let ubuntuRoot = "/dev/sda1"

    /// How the image calls its root volume: a launch that wants another size, encryption or snapshot for it
    /// must use that name.
    var rootDevice = debianRoot
    /// What the docker driver runs.
    var dockerImage = ""

    /// The account's AMIs where none are given: one of either kind.
    static let simulated = [
        "ami-0123456789abcdef0": MachineImage(),
        "ami-0123456789abcdef1": MachineImage(rootDevice: ubuntuRoot),
    ]

    /// Of `AMI_ID=DOCKER_IMAGE[,ROOT_DEVICE]`; nil when it is nothing of the kind.
    static func parse(_ text: String) -> (id: String, image: MachineImage)? {
        guard let equals = text.firstIndex(of: "="), ResourceID.isWellFormed(String(text[..<equals]), "ami")
        else { return nil }
        let parts = text[text.index(after: equals)...].split(
            separator: ",", omittingEmptySubsequences: false)
        guard parts.count <= 2, let docker = parts.first, !docker.isEmpty,
            parts.dropFirst().allSatisfy({ $0.hasPrefix("/dev/") })
        else { return nil }
        let root = parts.count == 2 ? String(parts[1]) : debianRoot
        return (String(text[..<equals]), MachineImage(rootDevice: root, dockerImage: String(docker)))
    }
}
