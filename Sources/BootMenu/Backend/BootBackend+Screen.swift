import Boot

extension BootBackend {
    package func screen(session: String, size: PictureSize) async -> SeenScreen? {
        // The picture stays as it was while a session does not answer.
        guard let answer = try? await registry.send(.screenshot, size: size, to: session).screen,
            let picture = answer.picture
        else { return nil }
        return SeenScreen(session: session, picture: picture, age: answer.age)
    }
}
