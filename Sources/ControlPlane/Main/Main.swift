import Service

@main
enum ControlPlane {
    static func main() async { await ControlPlaneCommand.main() }
}
