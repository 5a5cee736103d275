import GuestDomain

/// The screen of a guest of the made-up world.
package enum SampleScreen {
    /// A desktop of 320 x 200 pixels: a blue ground, a white window with a red title, a green bar below.
    package static let picture: ScreenPicture? = {
        let (width, height) = (320, 200)
        var pixels: [UInt8] = []
        for row in 0..<height {
            for column in 0..<width {
                let isWindow = (40..<200).contains(column) && (30..<130).contains(row)
                let color: [UInt8] =
                    row >= 180
                    ? [0, 135, 0] : isWindow ? row < 45 ? [215, 0, 0] : [255, 255, 255] : [0, 0, UInt8(95 + row / 2)]
                pixels += color
            }
        }
        return ScreenPicture(width: width, height: height, pixels: pixels)
    }()
}
